"""The best distortion that is known of every problem, whatever found it."""

from typing import NamedTuple

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ends import above_an_end
from pyro_seatbelt.attacks.optimisers.minimum import Minimum, StopReason
from pyro_seatbelt.attacks.problems import PenalisedDistance


class Solution(NamedTuple):
    """What came of some problems.

    Attributes:
        found: The best distortion of each problem, and how its searches went.
        distance: The distance there, shape `(n,)`.
        value_at_input: The objective at :math:`d = 0`, shape `(n,)`.
        value_at_target: The objective at the other end
            (:func:`~pyro_seatbelt.attacks.ends.target_end`); None without targets.
    """

    found: Minimum
    distance: Tensor
    value_at_input: Tensor
    value_at_target: Tensor | None

    @property
    def failed(self) -> Tensor:
        """Which problems were retired, or ended above one of their ends, shape `(n,)`."""
        retired = torch.tensor([reason == "nan" for reason in self.found.stop], dtype=torch.bool)
        above = above_an_end(self.found.value, self.value_at_input, self.value_at_target)
        return above | retired.to(above.device)


class Incumbent:
    """The best distortions so far: those of 0 at first, then whatever is offered and is better.

    An optimiser is not believed: what it found is evaluated again, every time in the same
    batches, so that two distortions are compared without a difference in rounding and a problem
    never ends above a point that it was offered.

    Args:
        function: What is minimised.
        sound: Whether the function and its gradient are finite at 0; the other problems are
            retired, shape `(n,)`.
    """

    def __init__(self, function: PenalisedDistance, sound: Tensor) -> None:
        self._function = function
        self.x = torch.zeros_like(function.problems.lower)
        self.value, self.distance = function.judge(self.x)
        self.at_input = self.value
        self._gradient_norm = torch.where(sound, 0, torch.nan).to(self.x)
        self._iterations = torch.zeros(len(sound), dtype=torch.int64)
        self._evaluations = torch.ones(len(sound), dtype=torch.int64)
        self._stop: list[StopReason] = ["zero" if ok else "nan" for ok in sound.tolist()]

    @property
    def running(self) -> Tensor:
        """Which problems are not retired, shape `(n,)`."""
        running = [reason != "nan" for reason in self._stop]
        return torch.tensor(running, dtype=torch.bool, device=self.x.device)

    def set(
        self, x: Tensor, value: Tensor, distance: Tensor, rows: Tensor, reason: StopReason
    ) -> None:
        """Puts distortions that are known to be better in the place of some.

        Args:
            x: The distortions of every problem, shape `(n, D)`.
            value: The function there, as it was judged, shape `(n,)`.
            distance: The distance there, likewise.
            rows: Whose to take, shape `(m,)`.
            reason: Why they are where they are.
        """
        self._take(rows, x, value, distance, torch.full_like(value, torch.nan))
        for row in rows.tolist():
            self._stop[row] = reason

    def offer(self, found: Minimum, rows: Tensor) -> None:
        """Takes what a search found wherever it is as good, and counts its work.

        Args:
            found: Where the search of some problems ended.
            rows: Which problems, shape `(m,)`.
        """
        x = self.x.index_copy(0, rows, found.x)
        value, distance = self._function.judge(x)
        as_good = value[rows] <= self.value[rows]
        slopes = self._gradient_norm.index_copy(0, rows, found.gradient_norm)
        self._take(rows[as_good], x, value, distance, slopes)
        self._iterations.index_add_(0, rows.cpu(), found.iterations)
        self._evaluations.index_add_(0, rows.cpu(), found.evaluations)
        for row, reason, taken in zip(rows.tolist(), found.stop, as_good.tolist(), strict=True):
            if taken or reason == "nan":
                self._stop[row] = reason

    def solution(self, value_at_target: Tensor | None) -> Solution:
        """What came of the problems.

        Args:
            value_at_target: The objective at their other end.
        """
        found = Minimum(
            x=self.x,
            value=self.value,
            gradient_norm=self._gradient_norm,
            iterations=self._iterations,
            evaluations=self._evaluations,
            stop=tuple(self._stop),
        )
        return Solution(found, self.distance, self.at_input, value_at_target)

    def _take(
        self, rows: Tensor, x: Tensor, value: Tensor, distance: Tensor, slopes: Tensor
    ) -> None:
        self.x = self.x.index_copy(0, rows, x[rows])
        self.value = self.value.index_copy(0, rows, value[rows])
        self.distance = self.distance.index_copy(0, rows, distance[rows])
        self._gradient_norm = self._gradient_norm.index_copy(0, rows, slopes[rows])
