"""What an optimiser of many problems at once is: one method, and what its function must keep to."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.modes import Norm
from pyro_seatbelt.attacks.optimisers.minimum import Minimum
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent

BatchedFunction = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Maps points `(n, D)` and the problems `(n,)` that they belong to, to values `(n,)` and
gradients `(n, D)`. Row i may depend on point i and problem i alone."""


class Optimiser(ABC):
    """Minimises many functions at once, each in a box of its own.

    A new one is a frozen dataclass of settings with this method, and an entry in
    :data:`~pyro_seatbelt.attacks.optimisers.OPTIMISERS`.

    Attributes:
        balls: Norms of the balls that it can keep to, besides a box; None for no ball.
        line_search: Whether it compares values along a line, which must be those of one function.
    """

    balls: ClassVar[frozenset[Norm | None]] = frozenset({None, "linf"})
    line_search: ClassVar[bool] = True

    @abstractmethod
    def minimise(
        self,
        function: BatchedFunction,
        x0: Tensor,
        lower: Tensor,
        upper: Tensor,
        *,
        ball: Ball | None = None,
        seeds: Tensor | None = None,
        progress: Progress = silent,
    ) -> Minimum:
        """Minimises P problems together.

        A problem whose value or gradient stops being finite is retired with the stop reason
        `nan` at the best point that it had seen; the others go on.

        Args:
            function: The batched function. All pending evaluations come in one call.
            x0: Starts, shape `(P, D)`; moved into the box.
            lower: Lower bounds, broadcastable to `(P, D)`.
            upper: Upper bounds, broadcastable to `(P, D)`.
            ball: A ball around 0 that the points must not leave either.
            seeds: A seed for each problem, shape `(P,)`, if the optimiser draws anything; 0, 1,
                ... by default.
            progress: Called after every round of evaluations, with the number of problems that
                have stopped.

        Returns:
            Where each problem stopped.

        Raises:
            ValueError: When shapes do not fit or a lower bound is above its upper bound.
            InputError: When it cannot keep to the ball.
        """

    def check_ball(self, ball: Ball | None) -> None:
        """Finds out whether the optimiser can keep to a ball.

        Args:
            ball: The ball; None for none.

        Raises:
            InputError: When it cannot.
        """
        name = type(self).__name__
        if ball is None and None not in self.balls:
            raise InputError(
                f"{name} needs a ball, as in Attack(objective, {name}(), ball=Ball('l2', 1.0))"
            )
        if ball is not None and ball.norm not in self.balls:
            raise InputError(
                f"{name} handles boxes, and a ball of the {ball.norm} norm is none: use PGD"
            )


def check_box(
    x0: Tensor, lower: Tensor, upper: Tensor, ball: Ball | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Broadcasts the bounds over the problems and moves the starts into them.

    Args:
        x0: Starts, shape `(P, D)`.
        lower: Lower bounds, broadcastable to `(P, D)`.
        upper: Upper bounds, broadcastable to `(P, D)`.
        ball: A ball that the box is cut down to.

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
    if ball is not None:
        lower, upper = ball.cut(lower, upper)
    return torch.minimum(torch.maximum(x0, lower), upper), lower, upper


def check_answer(values: Tensor, gradients: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Holds a batched function to its contract.

    Args:
        values: What it returned.
        gradients: What it returned.
        points: What it was asked about, shape `(n, D)`.

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
