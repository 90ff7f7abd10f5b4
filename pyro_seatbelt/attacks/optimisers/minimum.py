"""What every batched minimiser takes and returns."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

StopReason = Literal[
    "zero", "value", "gradient", "iterations", "evaluations", "line-search", "steps", "nan"
]
"""Why a problem stopped.

`zero`: the starting distortion 0 is already optimal. `value`: the relative decrease fell under
`factr` times the machine precision. `gradient`: the projected gradient fell under `gtol`.
`iterations`, `evaluations`: the cap was reached. `line-search`: no step found a lower value.
`steps`: a method of a fixed number of steps made them all. `nan`: the value or the gradient
stopped being finite, and the problem was retired.
"""

BatchedFunction = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Maps points `(n, D)` and the problems `(n,)` that they belong to, to values `(n,)` and
gradients `(n, D)`. Row i may depend on point i and problem i alone."""


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


def check_box(x0: Tensor, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Broadcasts the bounds over the problems and moves the starts into them.

    Returns:
        The start inside the box, the lower and the upper bounds, each `(P, D)`.

    Raises:
        ValueError: When the start is not `(P, D)` or a lower bound is above an upper bound.
    """
    if x0.ndim != 2:
        raise ValueError(f"expected starts of shape (problems, dimensions), got {tuple(x0.shape)}")
    lower = torch.as_tensor(lower, dtype=x0.dtype, device=x0.device).expand_as(x0)
    upper = torch.as_tensor(upper, dtype=x0.dtype, device=x0.device).expand_as(x0)
    if not bool((lower <= upper).all()):
        row = int((lower > upper).any(1).nonzero()[0])
        raise ValueError(f"problem {row} has a lower bound above its upper bound")
    return torch.minimum(torch.maximum(x0, lower), upper), lower, upper


def check_answer(values: Tensor, gradients: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Holds a batched function to its contract.

    Returns:
        The values `(n,)` and the gradients `(n, D)` in the dtype and on the device of the points.

    Raises:
        ValueError: When the shapes are others.
    """
    num_points = len(points)
    if values.shape != (num_points,) or gradients.shape != points.shape:
        raise ValueError(
            f"expected the function to return values of shape ({num_points},) and gradients of "
            f"shape {tuple(points.shape)}, got {tuple(values.shape)} and {tuple(gradients.shape)}"
        )
    return values.detach().to(points), gradients.detach().to(points)
