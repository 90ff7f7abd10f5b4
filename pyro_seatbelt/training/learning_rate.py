"""The step size, as a function of the number of the step."""

import math

from pyro_seatbelt.family import LearningRateScheduleName


def learning_rate(
    schedule: LearningRateScheduleName,
    peak: float,
    *,
    step: int,
    total: int,
    period: int | None = None,
    factor: int = 1,
) -> float:
    r"""Returns the step size of a step.

    It depends on nothing else, so that a resumed run needs no memory of it.

    Args:
        schedule: `constant`; `cosine` for
            :math:`\eta_t = \eta\,(1 + \cos(\pi (t - 1) / T)) / 2`, the values of torch's
            `CosineAnnealingLR` with `T_max` T and `eta_min` 0, which is stepped after each step;
            `cosine-restarts` for those of `CosineAnnealingWarmRestarts`.
        peak: The first step size :math:`\eta`.
        step: The number t of the step, from 1.
        total: The number T of steps of the run.
        period: With restarts, the number T of steps until the first (`T_0`).
        factor: How many times as long each period is as the one before (`T_mult`).

    References:
        | SGDR: Stochastic Gradient Descent with Warm Restarts (Loshchilov and Hutter, 2017), Eq 5
        | https://arxiv.org/abs/1608.03983

    Example:
        >>> [learning_rate("cosine", 1.0, step=step, total=2) for step in (1, 2)]
        [1.0, 0.5]
        >>> restarts = [("cosine-restarts", step) for step in (1, 2, 3, 4, 5)]
        >>> [round(learning_rate(name, 1.0, step=step, total=9, period=2), 3)
        ...  for name, step in restarts]
        [1.0, 0.5, 1.0, 0.5, 1.0]
    """
    if schedule == "constant":
        return peak
    before, length = step - 1, total
    if schedule == "cosine-restarts":
        assert period is not None
        before, length = _within(before, period, factor)
    return peak * (1 + math.cos(math.pi * before / length)) / 2


def _within(before: int, period: int, factor: int) -> tuple[int, int]:
    """Where in its period a step is, and how long that is."""
    if factor == 1:
        return before % period, period
    while before >= period:
        before, period = before - period, period * factor
    return before, period
