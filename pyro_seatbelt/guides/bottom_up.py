r"""Guides that climb from the image to the top layer.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eq 7
"""

from collections.abc import Sequence

import pyro
from pyro.nn import PyroModule
from torch import Tensor, nn

from pyro_seatbelt.family import name_latents


class BottomUp(PyroModule):
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
        self.condition_on_image = condition_on_image
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
            for name, conditional in zip(self.latents, self.conditionals, strict=True):
                if not z:
                    posterior = conditional(features, *context)
                elif self.condition_on_image:
                    posterior = conditional(z[-1], features, *context)
                else:
                    posterior = conditional(z[-1], *context)
                z.append(pyro.sample(name, posterior))
        return z
