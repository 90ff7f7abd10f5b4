"""Projected gradient descent in a norm ball, on many problems at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.optimisers.minimum import (
    BatchedFunction,
    Minimum,
    StopReason,
    check_answer,
    check_box,
    projected_gradient_norm,
)
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent


@dataclass(frozen=True, kw_only=True)
class PGD:
    r"""Settings of projected gradient descent.

    Attributes:
        steps: Steps of each run.
        restarts: Runs; the first starts where the attack says, the others at random points of
            the ball. The best point of all of them counts.
        step_size: Length of a step as a share of the radius; :math:`2.5 / \text{steps}` by
            default, so that a run can cross the ball whatever its number of steps.

    Raises:
        InputError: For a setting out of range.

    References:
        | Towards Deep Learning Models Resistant to Adversarial Attacks (Madry et al., 2018)
        | https://arxiv.org/abs/1706.06083

    Example:
        >>> PGD(steps=100, restarts=5).steps
        100
    """

    steps: int = 40
    restarts: int = 1
    step_size: float | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "restarts"):
            if getattr(self, name) < 1:
                raise InputError(f"expected {name} >= 1, got {getattr(self, name)}")
        if self.step_size is not None and not self.step_size > 0:
            raise InputError(f"expected step_size > 0, got {self.step_size}")


def descend(
    function: BatchedFunction,
    x0: Tensor,
    lower: Tensor,
    upper: Tensor,
    ball: Ball,
    settings: PGD | None = None,
    *,
    seeds: Tensor | None = None,
    progress: Progress = silent,
) -> Minimum:
    r"""Minimises P functions of a distortion over the intersection of a ball and a box.

    .. math::
        d \leftarrow \Pi\left(d - \alpha\, g / \|g\|_2\right) \quad (L_2), \qquad
        d \leftarrow \Pi\left(d - \alpha\, \mathrm{sign}(g)\right) \quad (L_\infty)

    The box must hold 0; clipping to it after the projection onto the ball then never
    leaves the ball.

    Args:
        function: The batched function of the distortions.
        x0: Starts of the first run, shape `(P, D)`.
        lower: Lower bounds, at most 0, broadcastable to `(P, D)`.
        upper: Upper bounds, at least 0, broadcastable to `(P, D)`.
        ball: The ball.
        settings: The settings.
        seeds: A seed for the restarts of each problem, shape `(P,)`; 0, 1, ... by default.
        progress: Called after every round.

    Returns:
        The best point that each problem visited.

    Raises:
        ValueError: When shapes do not fit or the box does not hold 0.

    Example:
        >>> x0 = torch.zeros(1, 2)
        >>> def linear(d, problems):
        ...     return d.sum(1), torch.ones_like(d)
        >>> descend(linear, x0, x0 - 1, x0 + 1, Ball("linf", 0.5)).x
        tensor([[-0.5000, -0.5000]])
    """
    settings = settings or PGD()
    x0, lower, upper = check_box(x0, lower, upper)
    if not bool(((lower <= 0) & (upper >= 0)).all()):
        raise ValueError("expected a box of distortions that holds 0")
    num_problems, dim = x0.shape
    seeds = torch.arange(num_problems) if seeds is None else seeds.cpu()
    generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
    length = ball.radius * (settings.step_size or 2.5 / settings.steps)

    def project(distortion: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(ball.project(distortion), lower), upper)

    live = torch.ones(num_problems, dtype=torch.bool, device=x0.device)
    best_x, best_gradient = x0, torch.full_like(x0, torch.nan)
    best = torch.full_like(x0[:, 0], torch.nan)
    evaluations = torch.zeros(num_problems, dtype=torch.int64, device=x0.device)
    rounds = 0
    for restart in range(settings.restarts):
        start = x0
        if restart:
            start = torch.cat([ball.sample(1, dim, generator) for generator in generators]).to(x0)
        x = project(start)
        for _ in range(settings.steps + 1):
            rows = live.nonzero().squeeze(1)
            if not len(rows):
                break
            points = x[rows]
            values, gradients = check_answer(*function(points, rows), points)
            rounds += 1
            evaluations[rows] += 1
            finite = values.isfinite() & gradients.isfinite().all(1)
            live[rows] = finite
            better = finite & ~(values >= best[rows])
            column = better[:, None]
            best = best.index_copy(0, rows, torch.where(better, values, best[rows]))
            best_x = best_x.index_copy(0, rows, torch.where(column, points, best_x[rows]))
            best_gradient = best_gradient.index_copy(
                0, rows, torch.where(column, gradients, best_gradient[rows])
            )
            ascent = torch.where(finite[:, None], ball.ascent(gradients), 0)
            x = project(x.index_copy(0, rows, points - length * ascent))
            retired = num_problems - int(live.sum())
            progress("problems", retired, num_problems, {"round": rounds})
    stop: list[StopReason] = ["steps" if alive else "nan" for alive in live.tolist()]
    return Minimum(
        x=best_x,
        value=best,
        gradient_norm=projected_gradient_norm(best_x, best_gradient, lower, upper),
        iterations=(evaluations - settings.restarts).clamp(min=0).cpu(),
        evaluations=evaluations.cpu(),
        stop=tuple(stop),
    )
