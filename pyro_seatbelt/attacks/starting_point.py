r"""Where an attack starts, and the problems that need no search.

The penalty :math:`\lambda \|d\|_2` has a kink at :math:`d = 0`. There, 0 is a stationary
point of :math:`f(d) + \lambda \|d\|_2` in the box exactly when the projected gradient of f
has a norm of at most :math:`\lambda`: along a feasible direction s the slope is
:math:`g^\top s + \lambda \|s\| \ge (\lambda - \|\Pi(-g)\|) \|s\|`.
"""

from typing import Literal

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball

Start = Literal["auto", "gradient", "uniform"]

_STEP = 1e-3
_UNIFORM = 1e-8


def feasible_descent(gradient: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """The negative gradient at 0 without the components that leave the box.

    Args:
        gradient: Shape `(n, D)`.
        lower: Lower bounds of the distortion, shape `(n, D)`.
        upper: Upper bounds, shape `(n, D)`.

    Example:
        >>> zero, one = torch.zeros(1, 2), torch.ones(1, 2)
        >>> feasible_descent(torch.tensor([[2.0, -3.0]]), zero, one)
        tensor([[0., 3.]])
    """
    outward = ((lower >= 0) & (gradient > 0)) | ((upper <= 0) & (gradient < 0))
    return torch.where(outward, 0, -gradient)


def zero_is_optimal(descent: Tensor, weights: Tensor) -> Tensor:
    """Whether no small step from 0 can lower the distance by more than the penalty costs.

    Args:
        descent: What :func:`feasible_descent` returns for the distance alone, shape `(n, D)`.
        weights: The penalty's weights, shape `(n,)`.

    Returns:
        Shape `(n,)`; False where the gradient is not finite.
    """
    length: Tensor = torch.linalg.vector_norm(descent, dim=1)
    return length <= weights


def starting_point(
    start: Literal["gradient", "uniform"],
    descent: Tensor,
    lower: Tensor,
    upper: Tensor,
    uniform: Tensor,
) -> Tensor:
    """The first distortion.

    Args:
        start: `gradient` takes a step of length 1e-3 along the feasible descent (clipped to
            the box); `uniform` draws from U(-1e-8, 1e-8), as the paper's authors did.
        descent: Shape `(n, D)`.
        lower: Lower bounds, shape `(n, D)`.
        upper: Upper bounds, shape `(n, D)`.
        uniform: Draws from U(-1, 1), shape `(n, D)`; they stand in for the descent where it is 0.

    Returns:
        Shape `(n, D)`.
    """
    length = torch.linalg.vector_norm(descent, dim=1, keepdim=True)
    direction = torch.where(length > 0, descent, uniform)
    unit = direction / torch.linalg.vector_norm(direction, dim=1, keepdim=True)
    point = _STEP * unit if start == "gradient" else _UNIFORM * uniform
    return torch.minimum(torch.maximum(point, lower), upper)


def random_point(lower: Tensor, upper: Tensor, ball: Ball | None, seed: int) -> Tensor:
    """A distortion for a search that starts anew.

    Args:
        lower: Lower bounds of one problem, shape `(D,)`.
        upper: Upper bounds, shape `(D,)`.
        ball: Where the distortion must stay besides the box.
        seed: Of the draw.

    Returns:
        Uniform in the ball and moved into the box; without a ball a random share of the way to
        an image of uniform noise, shape `(D,)`.
    """
    generator = torch.Generator().manual_seed(seed)
    if ball is None:
        draw = torch.rand(1 + len(lower), generator=generator, dtype=torch.float64).to(lower)
        return draw[0] * (lower + draw[1:] * (upper - lower))
    draw = ball.sample(1, len(lower), generator)[0].to(lower)
    return torch.minimum(torch.maximum(draw, lower), upper)
