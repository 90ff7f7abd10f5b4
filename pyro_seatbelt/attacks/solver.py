"""How some problems of an attack are solved: from which starts each is searched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.ends import target_end
from pyro_seatbelt.attacks.incumbent import Incumbent, Solution
from pyro_seatbelt.attacks.modes import Ends
from pyro_seatbelt.attacks.optimisers import Optimiser
from pyro_seatbelt.attacks.problems import PenalisedDistance, Problems
from pyro_seatbelt.attacks.starting_point import (
    Start,
    feasible_descent,
    random_point,
    starting_point,
    zero_is_optimal,
)
from pyro_seatbelt.progress import NO_NUMBERS, Progress, silent
from pyro_seatbelt.traces.frozen_noise import noise_seed

_TARGET_SHARE = 0.25
"""How long searches from the target take beside those from the input, for those who wait."""


def solve(
    function: PenalisedDistance,
    optimiser: Optimiser,
    *,
    ball: Ball | None = None,
    start: Start = "auto",
    ends: Ends = "both",
    restarts: int = 0,
    zero_test: bool = True,
    seed: int = 0,
    progress: Progress = silent,
) -> Solution:
    """Finds the distortion of every problem.

    Every problem that needs it is searched from the input, then from random points. With both
    ends, those whose target's end is lower than all that were found are then searched from
    there, so that none ends above an end.

    Args:
        function: What is minimised.
        optimiser: Searches where no distortion is optimal.
        ball: Where the distortions must stay besides their box.
        start: As :class:`~pyro_seatbelt.attacks.Attack` has it.
        ends: As :class:`~pyro_seatbelt.attacks.Attack` has it.
        restarts: As :class:`~pyro_seatbelt.attacks.Attack` has it.
        zero_test: As :class:`~pyro_seatbelt.attacks.Attack` has it.
        seed: Of the starts and the restarts.
        progress: Called as problems are solved.

    Returns:
        What came of each problem; the look at 0 counts as an evaluation.
    """
    problems = function.problems
    zero = torch.zeros_like(problems.lower)
    at_zero, gradient = function.distances(zero, problems.rows)
    finite = at_zero.isfinite() & gradient.isfinite().all(1)
    descent = feasible_descent(problems.sign * gradient, problems.lower, problems.upper)
    if not problems.targeted:
        descent = zero  # the distance from itself is least at 0: what is left is rounding
    settled = finite & zero_is_optimal(descent, problems.weight)
    settled = settled & problems.targeted & zero_test
    searched = finite & ~settled

    best = Incumbent(function, finite)
    from_target = problems.targeted and ends == "both"
    shares = [1.0] * (1 + restarts) + [_TARGET_SHARE] * from_target
    search = _Searches(function, optimiser, ball, best, seed, progress, shares)
    first = first_points(problems, descent, start, seed)
    search.run(searched, first, "start")
    for number in range(restarts):
        purpose = f"restart {number + 1}"
        points = [
            random_point(low, high, ball, noise_seed(seed, problem, purpose))
            for low, high, problem in zip(
                problems.lower, problems.upper, problems.numbers, strict=True
            )
        ]
        search.run(searched & best.running, torch.stack(points), purpose)
    at_target = None
    if problems.targeted:
        end = target_end(problems, ball)
        at_target, distance = function.judge(end)
        if from_target:
            lower = best.running & (at_target < best.value)
            best.set(end, at_target, distance, lower.nonzero().squeeze(1), "target")
            search.run(lower, end, "target")
    progress("problems", len(problems), len(problems), {"round": search.rounds})
    return best.solution(at_target)


def first_points(problems: Problems, descent: Tensor, start: Start, seed: int) -> Tensor:
    """Where the search of each problem begins.

    Args:
        problems: The problems.
        descent: As :func:`starting_point` has it, shape `(n, D)`.
        start: As :class:`~pyro_seatbelt.attacks.Attack` has it.
        seed: Of the draws; those of a problem depend on it and on its number alone.

    Returns:
        Distortions, shape `(n, D)`.
    """
    if start == "auto":
        start = "uniform" if problems.targeted else "gradient"
    draws = [
        torch.rand(
            problems.lower.shape[1],
            generator=torch.Generator().manual_seed(noise_seed(seed, number, "start")),
            dtype=torch.float64,
        )
        for number in problems.numbers
    ]
    uniform = (2 * torch.stack(draws) - 1).to(descent)
    return starting_point(start, descent, problems.lower, problems.upper, uniform)


@dataclass
class _Searches:
    """One search after another, each offering what it found.

    Attributes:
        function: What is minimised.
        optimiser: Searches.
        ball: Where the distortions must stay besides their box.
        best: What is known of the problems.
        seed: Of what the optimiser draws.
        progress: Is told of all searches together.
        shares: How much of the time each search takes, in any unit.
        number: Searches so far.
        rounds: Rounds of all of them.
    """

    function: PenalisedDistance
    optimiser: Optimiser
    ball: Ball | None
    best: Incumbent
    seed: int
    progress: Progress
    shares: Sequence[float]
    number: int = 0
    rounds: int = 0

    def run(self, which: Tensor, starts: Tensor, purpose: str) -> None:
        """Searches some problems.

        Args:
            which: Those, shape `(n,)`.
            starts: Where each starts, shape `(n, D)`.
            purpose: What the optimiser's seeds depend on, too.
        """
        problems, rows = self.function.problems, which.nonzero().squeeze(1)
        if len(rows):
            seeds = [noise_seed(self.seed, problems.numbers[i], purpose) for i in rows.tolist()]
            found = self.optimiser.minimise(
                lambda points, own: self.function(points, rows[own]),
                starts[rows],
                problems.lower[rows],
                problems.upper[rows],
                ball=self.ball,
                seeds=torch.tensor(seeds) + 1,
                progress=self._share(len(problems) - len(rows)),
            )
            self.best.offer(found, rows)
        self.number += 1

    def _share(self, idle: int) -> Progress:
        """Tells of one search, as a part of all problems with all their searches."""
        total, before = sum(self.shares), sum(self.shares[: self.number])
        own, rounds = self.shares[self.number], self.rounds

        def progress(
            stage: str, done: float, size: float, numbers: Mapping[str, Any] = NO_NUMBERS
        ) -> None:
            self.rounds = rounds + int(numbers["round"])
            share = (before + own * (done + idle) / (size + idle)) / total
            self.progress(stage, int(share * (size + idle)), size + idle, {"round": self.rounds})

        return progress
