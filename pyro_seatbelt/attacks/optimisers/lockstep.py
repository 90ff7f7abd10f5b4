"""SciPy's L-BFGS-B on many problems at once, in lockstep.

Every problem runs SciPy's own optimiser in a greenlet of its own. When the optimiser
asks for a value, its greenlet hands the point over and sleeps; once every live problem
has asked, one batched call answers them all.
"""

from collections.abc import Callable
from typing import Any

import greenlet
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import fmin_l_bfgs_b
from threadpoolctl import threadpool_limits
from torch import Tensor

from pyro_seatbelt.attacks.optimisers.minimum import (
    Minimum,
    StopReason,
    projected_gradient_norm,
)
from pyro_seatbelt.attacks.optimisers.optimiser import BatchedFunction, check_answer
from pyro_seatbelt.progress import Progress

Array = NDArray[np.float64]
Answer = tuple[float, Array]


class _Problem:
    """One problem: its optimiser, the point it waits for, and the best it has seen."""

    def __init__(self, run: Callable[[Callable[[Array], Answer]], Any], start: Array) -> None:
        self.best = start
        self.value = float("nan")
        self.gradient = np.full_like(start, np.nan)
        self.iterations = 0
        self.evaluations = 0
        self.stop: StopReason = "nan"
        self._thread = greenlet.greenlet(lambda: run(self._ask))
        self.pending: Array | None = None
        self._resume()

    def _ask(self, point: Array) -> Answer:
        # SciPy goes on writing into its own array, so the point that waits is a copy
        answer: Answer = self._thread.parent.switch(point.copy())
        return answer

    def _resume(self, *answer: Answer) -> None:
        result = self._thread.switch(*answer)
        if self._thread.dead:
            self.pending = None
            self.best, self.value, details = result
            self.gradient = details["grad"]
            self.iterations = details["nit"]
            self.stop = _stop_reason(details)
        else:
            self.pending = result

    def answer(self, value: float, gradient: Array) -> None:
        """Hands a value and a gradient to the optimiser, which asks again or ends."""
        self.evaluations += 1
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            self.cancel()
            return
        if self.pending is not None and not value >= self.value:  # the first best is NaN
            self.best, self.value, self.gradient = self.pending, value, gradient
        self._resume((value, gradient))

    def cancel(self) -> None:
        """Ends the optimiser where it stands; the best point seen stays."""
        self.pending = None
        if not self._thread.dead:
            self._thread.throw(greenlet.GreenletExit)


def minimise_in_lockstep(
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
    """Minimises P problems in boxes, each by SciPy's own L-BFGS-B.

    A round asks the function once for every problem that is still running; finished
    problems leave the batch. The results are those of SciPy one by one, up to rounding:
    that of `function` in a batch, and that of LAPACK, which has one thread here and
    otherwise as many as there are. They do not depend on the number of processors.
    SciPy works in float64 on the CPU, wherever the function computes; each problem holds
    a workspace of about ``16 (memory + 3) D`` bytes.

    The arguments are those of :meth:`Optimiser.minimise`, with the starts in the box and bounds of
    shape `(P, D)`, and the settings of :class:`~pyro_seatbelt.attacks.LBFGSB`.

    Returns:
        Where each problem stopped, in the dtype and on the device of `x0`.

    References:
        | Algorithm 778: L-BFGS-B (Zhu et al., 1997)
        | https://docs.scipy.org/doc/scipy/reference/optimize.minimize-lbfgsb.html
    """
    starts, low, high = (t.detach().cpu().double().numpy() for t in (x0, lower, upper))

    def optimiser(row: int) -> Callable[[Callable[[Array], Answer]], Any]:
        def run(ask: Callable[[Array], Answer]) -> Any:
            return fmin_l_bfgs_b(
                ask,
                starts[row],
                bounds=list(zip(low[row].tolist(), high[row].tolist(), strict=True)),
                m=memory,
                factr=factr,
                pgtol=gtol,
                maxiter=max_iterations,
                maxfun=max_evaluations,
                maxls=max_line_search,
            )

        return run

    problems: list[_Problem] = []
    rounds = 0
    # the optimiser's vectors are short: threads would spend their time waiting for each other
    limits = threadpool_limits(1, user_api="blas")
    try:
        problems.extend(_Problem(optimiser(row), starts[row]) for row in range(len(starts)))
        while waiting := [i for i, problem in enumerate(problems) if problem.pending is not None]:
            asked = [p for i in waiting if (p := problems[i].pending) is not None]
            points = _rows(asked, x0)
            values, gradients = check_answer(
                *function(points, torch.tensor(waiting, device=x0.device)), points
            )
            answers = values.cpu().double().tolist()
            slopes = gradients.cpu().double().numpy()
            for i, value, gradient in zip(waiting, answers, slopes, strict=True):
                problems[i].answer(value, gradient)
            rounds += 1
            finished = sum(problem.pending is None for problem in problems)
            progress("problems", finished, len(problems), {"round": rounds})
    finally:
        limits.restore_original_limits()
        for problem in problems:
            problem.cancel()

    x = _rows([problem.best for problem in problems], x0)
    gradient = _rows([problem.gradient for problem in problems], x0)
    return Minimum(
        x=x,
        value=torch.tensor([float(problem.value) for problem in problems], dtype=torch.float64).to(
            x0
        ),
        gradient_norm=projected_gradient_norm(x, gradient, lower, upper),
        iterations=torch.tensor([problem.iterations for problem in problems]),
        evaluations=torch.tensor([problem.evaluations for problem in problems]),
        stop=tuple(problem.stop for problem in problems),
    )


def _stop_reason(details: dict[str, Any]) -> StopReason:
    """Translates SciPy's message."""
    message = details["task"]
    reasons: dict[str, StopReason] = {
        "RELATIVE REDUCTION OF F": "value",
        "PROJECTED GRADIENT": "gradient",
        "ITERATIONS": "iterations",
        "EVALUATIONS": "evaluations",
    }
    for text, reason in reasons.items():
        if text in message:
            return reason
    return "line-search"


def _rows(arrays: list[Array], like: Tensor) -> Tensor:
    rows = np.array(arrays).reshape(len(arrays), like.shape[1])
    return torch.from_numpy(rows).to(like)
