"""The deterministic ways up and down between the layers of a hierarchy.

References:
    | Ladder Variational Autoencoders (Sønderby et al., 2016), Section 2
    | BIVA: A Very Deep Hierarchy of Latent Variables for Generative Modeling (Maaløe et al., 2019)
"""

from itertools import pairwise

from torch import Tensor, nn

from pyro_seatbelt.models.networks import concatenate


class FeatureNetwork(nn.Module):
    """Two fully connected layers from all that is known so far to the features of a layer.

    Args:
        num_inputs: Length of the inputs together.
        num_features: Length of the features, and width of the hidden layer.
        normalised: Whether to normalise batches and use leaky ReLUs of slope 0.1, as the Ladder
            VAE does; else ReLUs.

    Example:
        >>> import torch
        >>> FeatureNetwork(5, 8)(torch.zeros(7, 4, 2), torch.zeros(4, 3)).shape
        torch.Size([7, 4, 8])
    """

    def __init__(self, num_inputs: int, num_features: int, *, normalised: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise((num_inputs, num_features, num_features)):
            layers.append(nn.Linear(fan_in, fan_out, bias=not normalised))
            layers += [nn.BatchNorm1d(fan_out), nn.LeakyReLU(0.1)] if normalised else [nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, *parents: Tensor) -> Tensor:
        """Computes features.

        Args:
            parents: Tensors of shape :math:`(*, F_k)` whose leading dimensions broadcast.

        Returns:
            Features, shape :math:`(*, F)`.
        """
        joined = concatenate(parents)
        features: Tensor = self.layers(joined.flatten(0, -2))
        return features.reshape(*joined.shape[:-1], -1)
