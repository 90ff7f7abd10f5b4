"""Distortions of a minibatch that move its posteriors far."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from pyro.poutine import Trace
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.objectives import LatentW2, Objective
from pyro_seatbelt.attacks.optimisers import PGD
from pyro_seatbelt.attacks.optimisers.optimiser import BatchedFunction
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.defences.batch_statistics import BatchStatistics
from pyro_seatbelt.defences.pixel_range import PixelRange
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode


class AttackedBatch(NamedTuple):
    """A minibatch, attacked.

    Attributes:
        pair: The guide.
        images: The attacked images, without gradients, shape `(B, *image)`.
        clean: Trace of the guide on the clean images, with gradients.
        draws: The frozen noise of the latents, which both sides share.
        statistics: Those of batch normalisation, of the clean images.
    """

    pair: Pair
    images: Tensor
    clean: Trace
    draws: LatentDraws
    statistics: BatchStatistics

    def trace(self) -> Trace:
        """Runs the guide on the attacked images with the noise and the statistics of the clean."""
        rows = torch.arange(len(self.images), device=self.images.device)
        with (
            evaluation_mode(self.pair.guide),
            torch.enable_grad(),
            self.statistics.applied(),
        ):
            return self.pair.trace_guide(self.images, self.draws, rows)


@dataclass(frozen=True)
class PosteriorAttack:
    r"""Projected gradient ascent on the distance of the posteriors, in an L2 ball of every image.

    .. math::
        \max_d \sum_i W_2\left( q(z_i \mid x + d), q(z_i \mid x) \right) \quad
        \text{with } \|d\|_2 \le r \text{ and } x + d \text{ in the range of the pixels}

    It starts at a random point of the ball, for at 0 the distance has no gradient, and the best
    point that it visits counts. Where a layer is conditioned on a draw of another, both sides
    share their noise. Dropout is off; for batch normalisation see :class:`BatchStatistics`.

    Attributes:
        radius: The radius r, in the units of the pixels: an L2 norm over the whole image.
        steps: Steps; each runs the guide forwards and backwards, and so does the last point.
        objective: The distance, which needs no model.
        pixels: Least and largest value of a pixel.

    Raises:
        InputError: For a radius that is not positive, or fewer steps than one.

    Example:
        >>> from pyro_seatbelt import presets
        >>> from pyro_seatbelt.attacks.pair import read_pair
        >>> guide = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100).guide
        >>> x = torch.rand(5, 1, 8, 8)
        >>> attacked = PosteriorAttack(0.5)(read_pair(None, guide, x), x)
        >>> bool(((attacked.images - x).flatten(1).norm(dim=1) < 0.5001).all())
        True
    """

    radius: float
    steps: int = 3
    objective: Objective = field(default_factory=LatentW2)
    pixels: tuple[float, float] = PixelRange()

    def __post_init__(self) -> None:
        Ball("l2", self.radius)
        PGD(steps=self.steps)
        if self.objective.needs_model:
            raise InputError(
                f"expected a distance of posteriors, got {type(self.objective).__name__}, which "
                "reads the model: use LatentW2, LatentKL or LatentL2"
            )

    def __call__(self, pair: Pair, x: Tensor) -> AttackedBatch:
        """Attacks a minibatch; where it starts and the noise are drawn from torch's generator.

        Args:
            pair: The guide, as :func:`~pyro_seatbelt.attacks.pair.read_pair` reads it.
            x: Images, shape `(B, *image)`.

        Raises:
            InputError: When a pixel is out of range, or the distance cannot be had.
        """
        pixels = PixelRange(*self.pixels)
        pixels.check(x)
        seed = int(torch.randint(2**62, ()))  # of the CPU's generator: nothing waits for a device
        draws = LatentDraws.frozen(range(len(x)), 1, seed=seed)
        rows = torch.arange(len(x), device=x.device)
        statistics = BatchStatistics(pair.guide)  # type: ignore[arg-type] # a module's
        with evaluation_mode(pair.guide), torch.enable_grad():
            with statistics.recorded():
                clean = pair.trace_guide(x, draws, rows)
            with statistics.applied(detached=True):
                distance = self.objective.bind(pair, x, draws)

                def negative(points: Tensor, problems: Tensor) -> tuple[Tensor, Tensor]:
                    points = points.detach().requires_grad_()
                    attacked = x[problems] + points.view(-1, *x.shape[1:])
                    value = distance(attacked, problems)
                    (gradient,) = torch.autograd.grad(value.sum(), points)
                    return -value, -gradient

                found = self._ascend(negative, x, torch.Generator().manual_seed(seed))
        return AttackedBatch(pair, pixels.clamp(x + found), clean, draws, statistics)

    def _ascend(self, negative: BatchedFunction, x: Tensor, generator: torch.Generator) -> Tensor:
        ball, flat = Ball("l2", self.radius), x.flatten(1)
        lower, upper = self.pixels
        start = ball.sample(len(flat), flat.shape[1], generator).to(flat)
        pgd = PGD(steps=self.steps)
        return pgd.minimise(negative, start, lower - flat, upper - flat, ball=ball).x.view_as(x)
