"""The discriminator of FactorVAE.

References:
    | Disentangling by Factorising (Kim and Mnih, 2018), Appendix A
    | https://arxiv.org/abs/1802.05983
"""

from itertools import pairwise

from torch import Tensor, nn

from pyro_seatbelt.models.networks import full_precision

NUM_LAYERS = 6


class Discriminator(nn.Module):
    """Tells draws of a layer from draws whose dimensions come from different images.

    Six fully connected layers with leaky ReLUs of slope 0.2. One logit takes the place of the
    published two, whose difference it is.

    Args:
        num_inputs: Length of a draw.
        num_features: Width of the hidden layers; 1000 in the paper.

    Example:
        >>> import torch
        >>> Discriminator(10, 16)(torch.zeros(7, 3, 10)).shape
        torch.Size([7, 3])
    """

    def __init__(self, num_inputs: int, num_features: int = 1000) -> None:
        super().__init__()
        widths = (num_inputs, *(num_features,) * (NUM_LAYERS - 1))
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear(num_features, 1))

    def forward(self, z: Tensor) -> Tensor:
        """Judges draws.

        Args:
            z: Draws, shape :math:`(*, D)`.

        Returns:
            Logits, shape :math:`(*)`: positive where a draw looks unpermuted.
        """
        return full_precision(self.layers(z)).squeeze(-1)
