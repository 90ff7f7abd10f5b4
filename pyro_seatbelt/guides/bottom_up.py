r"""Guides that climb from the image to the top layer.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eq 7
"""

from collections.abc import Sequence

import pyro
from pyro.nn import PyroModule
from torch import Tensor, nn


class BottomUp(PyroModule):
    r"""An amortised posterior that is a chain upwards.

    .. math::
        q(z_1 \dots z_L \mid x) = q(z_1 \mid x) \prod_{i<L} q(z_{i+1} \mid z_i)

    With ``condition_on_image=True`` every layer sees the image as well:
    :math:`q(z_{i+1} \mid z_i, x)`.

    Args:
        encoder: Maps images :math:`(*, C, H, W)` to features :math:`(*, F)`.
        conditionals: One a layer, lowest first. The first maps the features to
            :math:`q(z_1 \mid x)`; the others map :math:`z_i` (and the features, with
            `condition_on_image`) to the distribution of :math:`z_{i+1}`.
        num_data: Size N of the data set that a minibatch stands for.
        condition_on_image: Whether the upper layers see the features.

    Raises:
        ValueError: Without a conditional.

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
    ) -> None:
        # a PyroModule runs only under the setting that it was made with; this one under both
        with pyro.settings.context(module_local_params=True):
            super().__init__()
        if not conditionals:
            raise ValueError("expected one conditional a layer, got none")
        if num_data < 1:
            raise ValueError(f"expected num_data >= 1, got {num_data}")
        self.encoder = encoder
        self.conditionals = nn.ModuleList(conditionals)
        self.num_data = num_data
        self.condition_on_image = condition_on_image

    def forward(self, x: Tensor) -> list[Tensor]:
        """Draws every layer given images.

        Args:
            x: Pixels in [0, 1], shape :math:`(B, C, H, W)`.

        Returns:
            The layers, lowest first, each of shape :math:`(*, B, D_i)`.
        """
        with pyro.plate("data", self.num_data, subsample=x):
            features = self.encoder(x)
            z: list[Tensor] = []
            for i, conditional in enumerate(self.conditionals, start=1):
                if not z:
                    posterior = conditional(features)
                elif self.condition_on_image:
                    posterior = conditional(z[-1], features)
                else:
                    posterior = conditional(z[-1])
                z.append(pyro.sample(f"z{i}", posterior))
        return z
