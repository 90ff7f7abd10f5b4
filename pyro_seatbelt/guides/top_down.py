r"""Guides that descend from the top layer, as the model does.

References:
    | Ladder Variational Autoencoders (Sønderby et al., 2016)
    | https://arxiv.org/abs/1602.02282
"""

import pyro
from torch import Tensor

from pyro_seatbelt.guides.amortised import AmortisedGuide
from pyro_seatbelt.traces.children import child


class TopDown(AmortisedGuide):
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
        >>> from torch import nn
        >>> from pyro_seatbelt.models import ConditionalNormal, MLPEncoder
        >>> guide = TopDown(
        ...     MLPEncoder((1, 8, 8), 32),
        ...     [ConditionalNormal(nn.Linear(3 + 32, 8)), ConditionalNormal(nn.Linear(32, 6))],
        ...     num_data=100,
        ... )
        >>> [z.shape for z in guide(torch.rand(5, 1, 8, 8))]
        [torch.Size([5, 4]), torch.Size([5, 3])]
    """

    def _draw(self, features: Tensor, *context: Tensor) -> list[Tensor]:
        z: list[Tensor] = []
        layers = list(zip(self.latents, child(self, "conditionals"), strict=True))
        for name, conditional in reversed(layers):
            posterior = conditional(*z[:1], features, *context)
            z.insert(0, pyro.sample(name, posterior))
        return z
