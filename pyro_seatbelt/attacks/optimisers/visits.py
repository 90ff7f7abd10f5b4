"""The points that first-order methods visit, and the best of them."""

import torch
from torch import Tensor

from pyro_seatbelt.attacks.optimisers.minimum import (
    Minimum,
    StopReason,
    projected_gradient_norm,
)
from pyro_seatbelt.attacks.optimisers.optimiser import BatchedFunction, check_answer
from pyro_seatbelt.progress import Progress


class Visits:
    """Evaluates one point of every problem at a time, and keeps the best that each has seen.

    A problem whose value or gradient is not finite is retired, and not evaluated again.

    Args:
        function: The batched function.
        x0: A point of every problem, shape `(P, D)`.
        progress: Called after every round.
    """

    def __init__(self, function: BatchedFunction, x0: Tensor, progress: Progress) -> None:
        self._function = function
        self._progress = progress
        self._live = torch.ones(len(x0), dtype=torch.bool, device=x0.device)
        self._x, self._gradient = x0, torch.full_like(x0, torch.nan)
        self._value = torch.full_like(x0[:, 0], torch.nan)
        self._evaluations = torch.zeros(len(x0), dtype=torch.int64, device=x0.device)
        self._rounds = 0

    @property
    def over(self) -> bool:
        """Whether every problem is retired."""
        return not bool(self._live.any())

    def gradients(self, x: Tensor) -> Tensor:
        """Visits points.

        Args:
            x: A point of every problem, shape `(P, D)`.

        Returns:
            The gradients there, 0 for problems that are retired, shape `(P, D)`.
        """
        rows = self._live.nonzero().squeeze(1)
        points = x[rows]
        values, gradients = check_answer(*self._function(points, rows), points)
        finite = values.isfinite() & gradients.isfinite().all(1)
        better = finite & ~(values >= self._value[rows])  # the first best is NaN
        improved = rows[better]
        self._value = self._value.index_copy(0, improved, values[better])
        self._x = self._x.index_copy(0, improved, points[better])
        self._gradient = self._gradient.index_copy(0, improved, gradients[better])
        self._live[rows] = finite
        self._evaluations[rows] += 1
        self._rounds += 1
        retired = len(x) - int(self._live.sum())
        self._progress("problems", retired, len(x), {"round": self._rounds})
        return torch.zeros_like(x).index_copy(0, rows[finite], gradients[finite])

    def minimum(self, lower: Tensor, upper: Tensor, *, starts: int = 1) -> Minimum:
        """The best points.

        Args:
            lower: Lower bounds, shape `(P, D)`.
            upper: Upper bounds, shape `(P, D)`.
            starts: How many of a problem's visits were starts, and no steps.
        """
        stop: list[StopReason] = ["steps" if alive else "nan" for alive in self._live.tolist()]
        return Minimum(
            x=self._x,
            value=self._value,
            gradient_norm=projected_gradient_norm(self._x, self._gradient, lower, upper),
            iterations=(self._evaluations - starts).clamp(min=0).cpu(),
            evaluations=self._evaluations.cpu(),
            stop=tuple(stop),
        )
