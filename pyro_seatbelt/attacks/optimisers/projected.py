r"""Limited-memory BFGS with box bounds on many problems at once, in torch.

A two-metric projection method: the quasi-Newton direction is taken in the variables
that are free at the current point, and the search runs along its projection into the
box. Every step is a handful of batched matrix products, so that on a GPU nothing leaves
the device but the number of problems that have stopped.

References:
    | Projected Newton Methods for Optimization Problems with Simple Constraints (Bertsekas, 1982)
"""

from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor

from pyro_seatbelt.attacks.optimisers.history import History
from pyro_seatbelt.attacks.optimisers.minimum import (
    Minimum,
    StopReason,
    projected_gradient_norm,
)
from pyro_seatbelt.attacks.optimisers.optimiser import BatchedFunction, check_answer
from pyro_seatbelt.progress import Progress

_REASONS: tuple[StopReason, ...] = get_args(StopReason)
_RUNNING = -1
_SUFFICIENT_DECREASE = 1e-4
_CURVATURE = 0.9
_GROWTH = 4.0


class _State(NamedTuple):
    """What is known of each of n running problems, a row per problem."""

    problem: Tensor  # (n,)
    lower: Tensor  # (n, D)
    upper: Tensor
    x: Tensor  # the current iterate
    value: Tensor  # (n,)
    gradient: Tensor
    direction: Tensor
    step: Tensor  # (n,) length of the trial along the direction
    trials: Tensor  # (n,) evaluations of this line search
    best_x: Tensor  # the best acceptable trial of this line search
    best_value: Tensor  # (n,), infinite before there is one
    best_gradient: Tensor
    history: History
    iterations: Tensor  # (n,)
    evaluations: Tensor  # (n,)
    stop: Tensor  # (n,) index into _REASONS


def minimise_projected(
    function: BatchedFunction,
    x0: Tensor,
    lower: Tensor,
    upper: Tensor,
    *,
    memory: int,
    factr: float,
    gtol: float,
    max_iterations: int,
    max_evaluations: int,
    max_line_search: int,
    progress: Progress,
) -> Minimum:
    """Minimises P problems in boxes together, on the device and in the dtype of `x0`.

    The settings mean what they mean to SciPy's L-BFGS-B (`factr` counts the precisions of
    float64). Both stop at a stationary point, but they take different ways there, and on a
    function with several minima they may end in different ones. Where many bounds come and go,
    this one needs more iterations: give it twice the cap that you would give SciPy.

    The history takes ``2 memory D`` numbers of float32 per problem, whatever the dtype of `x0`:
    it only shapes the direction, and the line search judges that in full precision.

    The arguments are those of :meth:`Optimiser.minimise`, with the starts in the box and bounds of
    shape `(P, D)`, and the settings of :class:`~pyro_seatbelt.attacks.LBFGSB`.

    Returns:
        Where each problem stopped.
    """
    tolerance = factr * torch.finfo(torch.float64).eps
    state = _begin(function, x0, lower, upper, memory, gtol)
    done: list[_Finished] = []
    rounds, total = 1, len(x0)
    while True:
        running = state.stop == _RUNNING
        num_running = int(running.sum())
        ended = sum(len(part.problem) for part in done) + len(state.problem) - num_running
        progress("problems", ended, total, {"round": rounds})
        # copying the history costs as much as a step, so finished rows are dropped now and then
        if num_running < 0.75 * len(state.problem) or num_running == 0:
            done.append(_finish(state, ~running))
            state = _rows(state, running)
            running = running[running]
        if num_running == 0:
            return _gather(done)
        trial = state.x + state.step[:, None] * state.direction
        trial = torch.minimum(torch.maximum(trial, state.lower), state.upper)
        values, gradients = _evaluate(function, trial, state, running)
        rounds += 1
        state = _search(state, trial, values, gradients, running, max_line_search)
        state = _advance(state, tolerance, gtol, max_iterations, max_evaluations)


def _begin(
    function: BatchedFunction,
    x0: Tensor,
    lower: Tensor,
    upper: Tensor,
    memory: int,
    gtol: float,
) -> _State:
    problem = torch.arange(len(x0), device=x0.device)
    value, gradient = check_answer(*function(x0, problem), x0)
    finite = value.isfinite() & gradient.isfinite().all(1)
    stop = torch.full_like(problem, _RUNNING)
    optimal = projected_gradient_norm(x0, gradient, lower, upper) <= gtol
    stop = torch.where(optimal, _REASONS.index("gradient"), stop)
    stop = torch.where(finite, stop, _REASONS.index("nan"))
    direction, step = _steepest(x0, gradient, lower, upper)
    return _State(
        problem=problem,
        lower=lower,
        upper=upper,
        x=x0,
        value=torch.where(finite, value, torch.nan),
        gradient=gradient,
        direction=direction,
        step=step,
        trials=torch.zeros_like(problem),
        best_x=x0,
        best_value=torch.full_like(value, torch.inf),
        best_gradient=gradient,
        history=History.empty(x0, memory),
        iterations=torch.zeros_like(problem),
        evaluations=torch.ones_like(problem),
        stop=stop,
    )


def _evaluate(
    function: BatchedFunction, trial: Tensor, state: _State, running: Tensor
) -> tuple[Tensor, Tensor]:
    """Asks for the running rows alone; the others keep what they have."""
    rows = running.nonzero().squeeze(1)
    points = trial[rows]
    values, gradients = check_answer(*function(points, state.problem[rows]), points)
    return (
        state.value.index_copy(0, rows, values),
        state.gradient.index_copy(0, rows, gradients),
    )


def _search(
    state: _State,
    trial: Tensor,
    values: Tensor,
    gradients: Tensor,
    running: Tensor,
    max_line_search: int,
) -> _State:
    """Judges one trial of every row: accepts it, lengthens or shortens the step, or gives up.

    After this call a row with ``trials == 0`` has a new iterate in `best_x`.
    """
    moved = trial - state.x
    slope = (state.gradient * moved).sum(1)
    finite = values.isfinite() & gradients.isfinite().all(1)
    stop = torch.where(running & ~finite, _REASONS.index("nan"), state.stop)
    active = running & finite
    trials = state.trials + active

    enough = (values <= state.value + _SUFFICIENT_DECREASE * slope) & (slope < 0)
    better = active & enough & (values < state.best_value)
    had_one = state.best_value.isfinite()
    best_value = torch.where(better, values, state.best_value)
    best_x = torch.where(better[:, None], trial, state.best_x)
    best_gradient = torch.where(better[:, None], gradients, state.best_gradient)

    # a step that still goes steeply down is lengthened, unless that just failed or the box is full
    steep = (gradients * moved).sum(1) < _CURVATURE * slope
    longer = state.step * _GROWTH
    further = state.x + longer[:, None] * state.direction
    further = torch.minimum(torch.maximum(further, state.lower), state.upper)
    room = (further != trial).any(1)
    lengthen = better & steep & room & (trials < max_line_search)
    accept = active & best_value.isfinite() & ~lengthen
    # the minimum of the parabola through the value, the slope and the trial, safeguarded
    curvature = 2 * (values - state.value - slope)
    shrink = torch.where(curvature > 0, -slope / curvature, 0.5).clamp(0.1, 0.5)
    shorten = active & ~accept & ~lengthen
    failed = shorten & ((trials >= max_line_search) | ~had_one & (moved == 0).all(1))
    step = torch.where(lengthen, longer, state.step)
    step = torch.where(shorten, state.step * shrink, step)

    # a search that fails is tried once more along the gradient before the problem stops
    restart = failed & (state.history.stored > 0)
    stop = torch.where(failed & ~restart, _REASONS.index("line-search"), stop)
    steepest, first = _steepest(state.x, state.gradient, state.lower, state.upper)
    return state._replace(
        direction=torch.where(restart[:, None], steepest, state.direction),
        step=torch.where(restart, first, step),
        trials=torch.where(accept | restart, 0, trials),
        best_x=best_x,
        best_value=best_value,
        best_gradient=best_gradient,
        history=state.history.forget(restart),
        evaluations=state.evaluations + running,
        stop=stop,
    )


def _advance(
    state: _State, tolerance: float, gtol: float, max_iterations: int, max_evaluations: int
) -> _State:
    """Moves the rows whose search ended to their new iterate and gives them a direction."""
    arrived = (state.trials == 0) & state.best_value.isfinite() & (state.stop == _RUNNING)
    column = arrived[:, None]
    step = torch.where(column, state.best_x - state.x, 0)
    # where a variable stayed at its bound, the change of the gradient is none of this step's
    change = torch.where(step != 0, state.best_gradient - state.gradient, 0)
    decrease = state.value - state.best_value
    largest = torch.maximum(state.value.abs(), state.best_value.abs()).clamp(min=1)

    x = torch.where(column, state.best_x, state.x)
    value = torch.where(arrived, state.best_value, state.value)
    gradient = torch.where(column, state.best_gradient, state.gradient)
    iterations = state.iterations + arrived
    norm = projected_gradient_norm(x, gradient, state.lower, state.upper)
    stop = state.stop
    for reached, reason in (
        (state.evaluations > max_evaluations, "evaluations"),
        (iterations >= max_iterations, "iterations"),
        (decrease <= tolerance * largest, "value"),
        (norm <= gtol, "gradient"),
    ):
        stop = torch.where(arrived & reached, _REASONS.index(reason), stop)

    state = state._replace(
        x=x,
        value=value,
        gradient=gradient,
        best_value=torch.where(arrived, torch.inf, state.best_value),
        iterations=iterations,
        stop=stop,
    )
    free = ~_outward(x, gradient, state.lower, state.upper)
    reduced = torch.where(free, gradient, 0)
    history, products = state.history.remember(step, change, reduced)
    direction = torch.where(free, -history.inverse(reduced, products), 0)
    steepest, first = _steepest(x, gradient, state.lower, state.upper)
    descends = (direction * gradient).sum(1) < 0
    quasi = descends & (history.stored > 0)
    return state._replace(
        direction=torch.where(
            column, torch.where(quasi[:, None], direction, steepest), state.direction
        ),
        step=torch.where(arrived, torch.where(quasi, 1.0, first), state.step),
        history=history.forget(arrived & ~descends),
    )


def _steepest(x: Tensor, gradient: Tensor, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """The projected negative gradient, and a first step of length 1 at most along it."""
    direction = torch.where(_outward(x, gradient, lower, upper), 0, -gradient)
    length = torch.linalg.vector_norm(direction, dim=1)
    return direction, 1 / length.clamp(min=1)


def _outward(x: Tensor, gradient: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """Whether a variable is at a bound that the descent would cross."""
    return ((x <= lower) & (gradient > 0)) | ((x >= upper) & (gradient < 0))


def _rows(state: _State, mask: Tensor) -> _State:
    parts: dict[str, Any] = {
        name: part.rows(mask) if isinstance(part, History) else part[mask]
        for name, part in state._asdict().items()
    }
    return state._replace(**parts)


class _Finished(NamedTuple):
    """What is kept of rows that have stopped."""

    problem: Tensor
    x: Tensor
    value: Tensor
    gradient_norm: Tensor
    iterations: Tensor
    evaluations: Tensor
    stop: Tensor


def _finish(state: _State, mask: Tensor) -> _Finished:
    x, gradient = state.x[mask], state.gradient[mask]
    return _Finished(
        problem=state.problem[mask],
        x=x,
        value=state.value[mask],
        gradient_norm=projected_gradient_norm(x, gradient, state.lower[mask], state.upper[mask]),
        iterations=state.iterations[mask],
        evaluations=state.evaluations[mask],
        stop=state.stop[mask],
    )


def _gather(done: list[_Finished]) -> Minimum:
    """Puts the finished rows back into the order of the problems."""
    parts = _Finished(*(torch.cat(field) for field in zip(*done, strict=True)))
    order = parts.problem.argsort()
    rows = _Finished(*(field[order] for field in parts))
    return Minimum(
        x=rows.x,
        value=rows.value,
        gradient_norm=rows.gradient_norm,
        iterations=rows.iterations.cpu(),
        evaluations=rows.evaluations.cpu(),
        stop=tuple(_REASONS[index] for index in rows.stop.tolist()),
    )
