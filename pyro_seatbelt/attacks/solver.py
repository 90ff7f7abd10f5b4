"""How some problems of an attack are solved: some need no search, the others get one."""

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.optimisers import Optimiser
from pyro_seatbelt.attacks.optimisers.minimum import Minimum, StopReason
from pyro_seatbelt.attacks.problems import PenalisedDistance
from pyro_seatbelt.attacks.starting_point import (
    Start,
    feasible_descent,
    starting_point,
    zero_is_optimal,
)
from pyro_seatbelt.progress import Progress, shifted, silent
from pyro_seatbelt.traces.frozen_noise import noise_seed


def solve(
    function: PenalisedDistance,
    optimiser: Optimiser,
    *,
    ball: Ball | None = None,
    start: Start = "auto",
    zero_test: bool = True,
    seed: int = 0,
    progress: Progress = silent,
) -> Minimum:
    """Finds the distortion of every problem.

    Args:
        function: What is minimised.
        optimiser: Searches where no distortion is optimal.
        ball: Where the distortions must stay besides their box.
        start: As :class:`~pyro_seatbelt.attacks.Attack` has it.
        zero_test: As :class:`~pyro_seatbelt.attacks.Attack` has it.
        seed: Of the starts and the restarts.
        progress: Called as problems are solved.

    Returns:
        Where each problem stopped; the look at 0 counts as an evaluation.
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
    searched = (finite & ~settled).nonzero().squeeze(1)
    at_rest = Minimum(
        x=zero,
        value=problems.sign * at_zero,
        gradient_norm=torch.where(finite, 0, torch.nan).to(at_zero),
        iterations=torch.zeros(len(problems), dtype=torch.int64),
        evaluations=torch.ones(len(problems), dtype=torch.int64),
        stop=tuple("zero" if ok else "nan" for ok in finite.tolist()),
    )
    if not len(searched):
        progress("problems", len(problems), len(problems), {"round": 1})
        return at_rest
    found = _search(function, descent[searched], searched, optimiser, ball, start, seed, progress)
    return _better(at_rest, found, searched)


def _search(
    function: PenalisedDistance,
    descent: Tensor,
    searched: Tensor,
    optimiser: Optimiser,
    ball: Ball | None,
    start: Start,
    seed: int,
    progress: Progress,
) -> Minimum:
    problems = function.problems
    lower, upper = problems.lower[searched], problems.upper[searched]
    seeds = [noise_seed(seed, problems.numbers[row], "start") for row in searched.tolist()]
    uniform = torch.stack(
        [
            torch.rand(
                lower.shape[1],
                generator=torch.Generator().manual_seed(own),
                dtype=torch.float64,
            )
            for own in seeds
        ]
    )
    if start == "auto":
        start = "uniform" if problems.targeted else "gradient"
    return optimiser.minimise(
        lambda points, rows: function(points, searched[rows]),
        starting_point(start, descent, lower, upper, (2 * uniform - 1).to(lower)),
        lower,
        upper,
        ball=ball,
        seeds=torch.tensor(seeds) + 1,
        progress=shifted(progress, len(problems) - len(searched)),
    )


def _better(at_rest: Minimum, found: Minimum, searched: Tensor) -> Minimum:
    """Where the search ended above d = 0, the attacker keeps d = 0."""
    worse = found.value > at_rest.value[searched]
    rows = searched.cpu()
    stop: list[StopReason] = list(at_rest.stop)
    for row, reason, kept in zip(rows.tolist(), found.stop, worse.tolist(), strict=True):
        stop[row] = "zero" if kept and reason != "nan" else reason
    return Minimum(
        x=at_rest.x.index_copy(0, searched, torch.where(worse[:, None], 0, found.x)),
        value=at_rest.value.index_copy(
            0, searched, torch.where(worse, at_rest.value[searched], found.value)
        ),
        gradient_norm=at_rest.gradient_norm.index_copy(
            0, searched, torch.where(worse, 0, found.gradient_norm)
        ),
        iterations=at_rest.iterations.index_copy(0, rows, found.iterations),
        evaluations=at_rest.evaluations.index_add(0, rows, found.evaluations),
        stop=tuple(stop),
    )
