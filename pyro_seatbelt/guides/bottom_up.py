r"""Guides that climb from the image to the top layer.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eq 7
"""

from collections.abc import Sequence

import pyro
from torch import Tensor, nn

from pyro_seatbelt.guides.amortised import AmortisedGuide
from pyro_seatbelt.traces.children import child


class BottomUp(AmortisedGuide):
    r"""An amortised posterior that is a chain upwards.

    .. math::
        q(z_1 \dots z_L \mid x) = q(z_1 \mid x) \prod_{i<L} q(z_{i+1} \mid z_i)

    With ``condition_on_image=True`` every layer sees the image as well:
    :math:`q(z_{i+1} \mid z_i, x)`.

    Args:
        encoder: Maps images :math:`(*, C, H, W)` to features :math:`(*, F)`.
        conditionals: One per layer, lowest first. The first maps the features to
            :math:`q(z_1 \mid x)`; the others map :math:`z_i` (and the features, with
            `condition_on_image`) to the distribution of :math:`z_{i+1}`.
        num_data: Size N of the data set that a minibatch stands for.
        condition_on_image: Whether the upper layers see the features.
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
        >>> guide = BottomUp(
        ...     MLPEncoder((1, 8, 8), 32),
        ...     [ConditionalNormal(nn.Linear(32, 8)), ConditionalNormal(nn.Linear(4, 6))],
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
        condition_on_image: bool = False,
        latents: Sequence[str] | None = None,
        plate: str = "data",
        plate_dim: int | None = None,
    ) -> None:
        super().__init__(
            encoder,
            conditionals,
            num_data=num_data,
            latents=latents,
            plate=plate,
            plate_dim=plate_dim,
        )
        self.condition_on_image = condition_on_image

    def _draw(self, features: Tensor, *context: Tensor) -> list[Tensor]:
        z: list[Tensor] = []
        for name, conditional in zip(self.latents, child(self, "conditionals"), strict=True):
            if not z:
                posterior = conditional(features, *context)
            elif self.condition_on_image:
                posterior = conditional(z[-1], features, *context)
            else:
                posterior = conditional(z[-1], *context)
            z.append(pyro.sample(name, posterior))
        return z
