"""Adam's step size, as a function of the number of the step."""

import math

from pyro_seatbelt.family import LearningRateScheduleName


def learning_rate(
    schedule: LearningRateScheduleName, peak: float, *, step: int, total: int
) -> float:
    r"""Returns the step size of a step.

    It depends on nothing else, so that a resumed run needs no memory of it.

    Args:
        schedule: `constant`, or `cosine` for
            :math:`\eta_t = \eta\,(1 + \cos(\pi (t - 1) / T)) / 2`, the values of torch's
            `CosineAnnealingLR` with `T_max` T and `eta_min` 0, which is stepped after each step.
        peak: The first step size :math:`\eta`.
        step: The number t of the step, from 1.
        total: The number T of steps of the run.

    References:
        | SGDR: Stochastic Gradient Descent with Warm Restarts (Loshchilov and Hutter, 2017), Eq 5
        | https://arxiv.org/abs/1608.03983

    Example:
        >>> [learning_rate("cosine", 1.0, step=step, total=2) for step in (1, 2)]
        [1.0, 0.5]
    """
    if schedule == "constant":
        return peak
    return peak * (1 + math.cos(math.pi * (step - 1) / total)) / 2
