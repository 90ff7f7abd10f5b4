"""The least distortion that turns reconstructions a share of the way to those of targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ddn import DDN
from pyro_seatbelt.attacks.limits import Limits, bounds, check_limits
from pyro_seatbelt.attacks.pair import check_context
from pyro_seatbelt.attacks.problems import check_images, distortion_bounds
from pyro_seatbelt.attacks.result import l2_distance
from pyro_seatbelt.attacks.search_mode import search_mode
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.reconstruction import mean_image


class LeastDistortion(NamedTuple):
    r"""What is needed to cover a share of the way, for each of B pairs.

    Attributes:
        distortion: The distortion d, shape `(B, *image)`.
        norm: :math:`\|d\|_2`, shape `(B,)`; NaN for a pair with one reconstruction for both.
        relative: That by :math:`\|x_t - x\|_2`, shape `(B,)`: between 0 and 1, the larger the
            more robust.
        blend: The share of the target that has to be mixed into the input to the same effect, as
            bisection found it, shape `(B,)`: `relative` is never above it.
        covered: How much of the way the reconstruction has covered, shape `(B,)`.
    """

    distortion: Tensor
    norm: Tensor
    relative: Tensor
    blend: Tensor
    covered: Tensor


@dataclass(frozen=True, kw_only=True)
class MinimumNorm:
    r"""Looks for the least distortion that moves a reconstruction far enough.

    .. math::
        \min_d \|d\|_2 \quad \text{with} \quad
        \|r(x + d) - r(x_t)\|_2 \le (1 - s) \, \|r(x) - r(x_t)\|_2
        \quad \text{and } x + d \text{ in the data's range,}

    where r is the mean image of the model at the posterior means and s a share of the way.
    :math:`d = x_t - x` always does it: there is no search that finds nothing.

    Attributes:
        share: The share s of the way, between 0 and 1.
        optimiser: The search.
        limits: The range of the data, as :class:`~pyro_seatbelt.attacks.Attack` has it.
        rows: Images of one pass through the networks.

    Raises:
        InputError: For a setting out of range.

    Example:
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> x, target = torch.rand(2, 3, 1, 8, 8)
        >>> found = MinimumNorm(optimiser=DDN(steps=10))(family.model, family.guide, x, target)
        >>> bool((found.relative <= found.blend).all() and (found.covered >= 0.5).all())
        True
    """

    share: float = 0.5
    optimiser: DDN = DDN()  # noqa: RUF009 - frozen
    limits: Limits = (0.0, 1.0)
    rows: int = 64

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise InputError(f"expected a share between 0 and 1, got {self.share}")
        check_limits(self.limits)
        if self.rows < 1:
            raise InputError(f"expected rows >= 1, got {self.rows}")

    def __call__(
        self,
        model: Program,
        guide: Program,
        x: Tensor,
        target: Tensor,
        *,
        context: Sequence[Tensor] = (),
        progress: Progress = silent,
    ) -> LeastDistortion:
        """Attacks every pair.

        Args:
            model: The model.
            guide: Its guide. Modules are put into eval mode and back; nothing is trained.
            x: The inputs, pixels in `limits`, shape `(B, *image)`.
            target: Their targets, of the same shape.
            context: Further arguments of both, a row for each input, which no search moves; the
                target is reconstructed with them, too, so that it can be reached.
            progress: Called as the attack goes on.

        Returns:
            What each pair needs.

        Raises:
            InputError: When an image cannot be attacked, the model has no reconstruction, or
                context has another number of rows.
        """
        check_images(x, target, self.limits)
        context = check_context(context, x)
        exact = torch.float32 if x.device.type == "mps" else torch.float64
        way = target.flatten(1).to(exact) - x.flatten(1).to(exact)
        low, high = bounds(self.limits, x)

        def images(points: Tensor, rows: Tensor) -> Tensor:
            return (x[rows] + points.view(-1, *x.shape[1:]).to(x)).clamp(low, high)

        with search_mode(model, guide):

            def made(images: Tensor, rows: Tensor) -> Tensor:
                return mean_image(model, guide, images, *(each[rows] for each in context))

            every = torch.arange(len(x), device=x.device).split(self.rows)
            with torch.no_grad():
                ends = [
                    torch.cat([made(each[rows], rows) for rows in every]) for each in (x, target)
                ]
            whole = l2_distance(*ends)

            def left(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
                """The share of the way that is left, and its gradient."""
                values, gradients = [], []
                for some, own in zip(points.split(self.rows), rows.split(self.rows), strict=True):
                    adversarial = images(some, own).requires_grad_()
                    value = l2_distance(made(adversarial, own), ends[1][own]) / whole[own]
                    gradients.append(torch.autograd.grad(value.sum(), adversarial)[0].flatten(1))
                    values.append(value.detach())
                return torch.cat(values), torch.cat(gradients)

            box = distortion_bounds(x, self.limits, exact)
            found = self.optimiser.shorten(left, way, *box, level=1 - self.share, progress=progress)
            covered = 1 - left(found.x, torch.arange(len(x), device=x.device))[0]
        length = torch.linalg.vector_norm(way, dim=1)
        return LeastDistortion(
            distortion=found.x.view_as(x).to(x),
            norm=found.norm,
            relative=found.norm / length,
            blend=found.straight / length,
            covered=covered,
        )
