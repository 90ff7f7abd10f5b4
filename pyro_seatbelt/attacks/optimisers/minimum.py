"""Where a search ended, and how near to stationary that is."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

StopReason = Literal[
    "zero",
    "value",
    "gradient",
    "iterations",
    "evaluations",
    "line-search",
    "steps",
    "nan",
    "target",
]
"""Why a problem stopped.

`zero`: the starting distortion 0 is already optimal. `value`: the relative decrease fell under
`factr` times the machine precision. `gradient`: the projected gradient fell under `gtol`.
`iterations`, `evaluations`: the cap was reached. `line-search`: no step found a lower value.
`steps`: a method of a fixed number of steps made them all. `nan`: the value or the gradient
stopped being finite, and the problem was retired. `target`: nothing that was found is better than
the target itself.
"""


class Minimum(NamedTuple):
    r"""Where each of P problems stopped.

    Attributes:
        x: The best points, shape `(P, D)`.
        value: Their values, shape `(P,)`; NaN where the first evaluation was not finite.
        gradient_norm: Largest component of the projected gradient
            :math:`x - \Pi(x - \nabla f)`, shape `(P,)`.
        iterations: Accepted steps, shape `(P,)`.
        evaluations: Function evaluations, shape `(P,)`.
        stop: Why each problem stopped.
    """

    x: Tensor
    value: Tensor
    gradient_norm: Tensor
    iterations: Tensor
    evaluations: Tensor
    stop: tuple[StopReason, ...]


def projected_gradient_norm(x: Tensor, gradient: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    r"""The first-order measure of optimality in a box, as L-BFGS-B defines it.

    Args:
        x: Points in the box, shape `(n, D)`.
        gradient: Gradients there, shape `(n, D)`.
        lower: Lower bounds, shape `(n, D)`.
        upper: Upper bounds, shape `(n, D)`.

    Returns:
        Largest absolute component of :math:`x - \Pi(x - g)`, shape `(n,)`.

    References:
        | A Limited Memory Algorithm for Bound Constrained Optimization (Byrd et al., 1995), Eq 6.1
    """
    step = torch.minimum(torch.maximum(x - gradient, lower), upper) - x
    return step.abs().amax(1)
