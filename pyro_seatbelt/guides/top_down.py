r"""Guides that descend from the top layer, as the model does.

References:
    | Ladder Variational Autoencoders (Sønderby et al., 2016)
    | https://arxiv.org/abs/1602.02282
"""

from collections.abc import Sequence

import pyro
from pyro.nn import PyroModule
from torch import Tensor, nn

from pyro_seatbelt.family import name_latents


class TopDown(PyroModule):
    r"""An amortised posterior that follows the model downwards.

    .. math::
        q(z_1 \dots z_L \mid x) = q(z_L \mid x) \prod_{i<L} q(z_i \mid z_{i+1}, x)

    Args:
        encoder: Maps images :math:`(*, C, H, W)` to features :math:`(*, F)`.
        conditionals: One per layer, lowest first. The last maps the features to
            :math:`q(z_L \mid x)`; the others map :math:`z_{i+1}` and the features to the
            distribution of :math:`z_i`.
        num_data: Size N of the data set that a minibatch stands for.
        latents: Names of the latent sites, lowest layer first; `z1` ... `zL` by default.
        plate: Name of the plate over images.
        plate_dim: Its dimension, a negative number; by default the rightmost that is free. At -2
            images have shape :math:`(B, *, C, H, W)`, with room for a plate inside it.

    Raises:
        ValueError: Without a conditional or images in the data set, or when the names are not one
            per layer.

    Example:
        >>> import torch
        >>> from pyro_seatbelt.models import ConditionalNormal, MLPEncoder
        >>> guide = TopDown(
        ...     MLPEncoder((1, 8, 8), 32),
        ...     [ConditionalNormal(nn.Linear(3 + 32, 8)), ConditionalNormal(nn.Linear(32, 6))],
        ...     num_data=100,
        ... )
        >>> [z.shape for z in guide(torch.rand(5, 1, 8, 8))]
        [torch.Size([5, 4]), torch.Size([5, 3])]
    """

    def __init__(
        self,
        encoder: nn.Module,
        conditionals: Sequence[nn.Module],
        *,
        num_data: int,
        latents: Sequence[str] | None = None,
        plate: str = "data",
        plate_dim: int | None = None,
    ) -> None:
        # a PyroModule runs only under the setting that it was made with; this one under both
        with pyro.settings.context(module_local_params=True):
            super().__init__()
        if not conditionals:
            raise ValueError("expected one conditional per layer, got none")
        if num_data < 1:
            raise ValueError(f"expected num_data >= 1, got {num_data}")
        self.encoder = encoder
        self.conditionals = nn.ModuleList(conditionals)
        self.num_data = num_data
        self.latents = name_latents(len(conditionals), latents)
        self.plate = plate
        self.plate_dim = plate_dim

    def forward(self, x: Tensor, *context: Tensor) -> list[Tensor]:
        """Draws every layer given images.

        Args:
            x: Pixels in [0, 1], shape :math:`(B, C, H, W)`.
            context: What every conditional sees besides, after its other inputs, tensors of shape
                :math:`(B, F_k)`: labels make a conditional VAE.

        Returns:
            The layers, lowest first, each of shape :math:`(*, B, D_i)`.
        """
        with pyro.plate(self.plate, self.num_data, subsample=x, dim=self.plate_dim):
            features = self.encoder(x)
            z: list[Tensor] = []
            layers = list(zip(self.latents, self.conditionals, strict=True))
            for name, conditional in reversed(layers):
                posterior = conditional(*z[:1], features, *context)
                z.insert(0, pyro.sample(name, posterior))
        return z
