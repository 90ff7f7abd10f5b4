"""The shortest point at which a function is low enough, for many problems at once."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from pyro_seatbelt.attacks.optimisers.optimiser import BatchedFunction, check_answer, check_box
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent


class Shortest(NamedTuple):
    """Where P problems stopped.

    Attributes:
        x: The shortest points that were found at which the function is low enough, shape `(P, D)`.
        norm: Their Euclidean norms, shape `(P,)`; NaN where not even the start is low enough.
        straight: Norms of the points that were found on the straight lines to the starts, likewise.
        evaluations: Evaluations of each problem.
    """

    x: Tensor
    norm: Tensor
    straight: Tensor
    evaluations: int


@dataclass(frozen=True, kw_only=True)
class DDN:
    r"""Decoupled direction and norm: descent along spheres that shrink and grow.

    Begins where the straight line from 0 to a point at which the function is low enough
    crosses the level, by bisection. Each step goes along the normalised gradient and back to the
    sphere of radius :math:`\epsilon`, which shrinks by :math:`1 - \gamma` after a point at which
    the function was low enough, and else grows by :math:`1 + \gamma`. Steps and :math:`\gamma` fall
    to a hundredth by a cosine. The shortest of these points, shortened further along its own line
    to 0, counts: it is never longer than the first.

    Attributes:
        steps: Steps after the bisection.
        gamma: By how much the radius changes at the first step.
        step_size: Length of the first step as a share of the first radius.
        bisections: Halvings of each straight line.

    Raises:
        InputError: For a setting out of range.

    References:
        | Decoupling Direction and Norm for Efficient Gradient-Based L2 Adversarial Attacks and
          Defenses (Rony et al., 2019), Algorithm 1
        | https://arxiv.org/abs/1811.09600
        | Fast Minimum-norm Adversarial Attacks through Adaptive Norm Constraints (Pintor et al.,
          2021), for the cosine of gamma
        | https://arxiv.org/abs/2102.12827

    Example:
        The point of the line :math:`x_1 + x_2 = 1` that is nearest to 0:

        >>> def line(x, problems):
        ...     return 1 - x.sum(1), -torch.ones_like(x)
        >>> start = torch.tensor([[1.0, 0.2]], dtype=torch.float64)
        >>> found = DDN(steps=200).shorten(line, start, start - 9, start + 9, level=0.0)
        >>> round(found.norm.item(), 2), round(found.straight.item(), 2)
        (0.71, 0.85)
    """

    steps: int = 200
    gamma: float = 0.1
    step_size: float = 0.1
    bisections: int = 12

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("bisections", 0)):
            if getattr(self, name) < least:
                raise InputError(f"expected {name} >= {least}, got {getattr(self, name)}")
        if not 0 < self.gamma < 1:
            raise InputError(f"expected gamma between 0 and 1, got {self.gamma}")
        if not 0 < self.step_size < math.inf:
            raise InputError(f"expected a finite step_size > 0, got {self.step_size}")

    def shorten(
        self,
        function: BatchedFunction,
        start: Tensor,
        lower: Tensor,
        upper: Tensor,
        *,
        level: float,
        progress: Progress = silent,
    ) -> Shortest:
        """Shortens the points of P problems together.

        Args:
            function: The batched function.
            start: Points where it is at most `level`, shape `(P, D)`; moved into the box.
            lower: Lower bounds, broadcastable to `(P, D)`.
            upper: Upper bounds; the box must hold 0.
            level: What the function must not exceed.
            progress: Called after every round of evaluations.

        Returns:
            Where each problem stopped. One whose function is not finite somewhere takes no notice
            of that point.

        Raises:
            ValueError: When shapes do not fit or the box does not hold 0.
        """
        start, lower, upper = check_box(start, lower, upper)
        if not bool(((lower <= 0) & (upper >= 0)).all()):
            raise ValueError("expected a box of distortions that holds 0")
        rows = torch.arange(len(start), device=start.device)
        total = 1 + 2 * self.bisections + self.steps

        def evaluate(x: Tensor, done: int) -> tuple[Tensor, Tensor]:
            values, gradients = check_answer(*function(x, rows), x)
            progress("steps", done, total, {"round": done})
            return values <= level, torch.nan_to_num(gradients, 0.0, 0.0, 0.0)

        def bisect(x: Tensor, low: float, done: int) -> Tensor:
            """Shortens points as far as a straight line to 0 lets them."""
            near, far = torch.full_like(x[:, :1], low), torch.ones_like(x[:, :1])
            for number in range(self.bisections):
                middle = (near + far) / 2
                inside, _ = evaluate(middle * x, done + number + 1)
                near = torch.where(inside[:, None], near, middle)
                far = torch.where(inside[:, None], middle, far)
            return far * x

        possible, _ = evaluate(start, 1)
        best = x = bisect(start, 0.0, 1)
        norm = torch.linalg.vector_norm(x, dim=1)
        radius = first = straight = norm
        for number in range(self.steps):
            inside, gradient = evaluate(x, 2 + self.bisections + number)
            cosine = 0.01 + 0.99 * (1 + math.cos(math.pi * number / self.steps)) / 2
            length = torch.linalg.vector_norm(x, dim=1)
            better = inside & (length < norm)
            best = torch.where(better[:, None], x, best)
            norm = torch.where(better, length, norm)
            gamma = self.gamma * cosine
            radius = torch.minimum(radius * torch.where(inside, 1 - gamma, 1 + gamma), norm)
            x = x - self.step_size * cosine * first[:, None] * _unit(gradient)
            x = radius[:, None] * _unit(x)
            x = torch.minimum(torch.maximum(x, lower), upper)
        best = bisect(best, 0.5, 1 + self.bisections + self.steps)
        norm = torch.linalg.vector_norm(best, dim=1)
        nan = torch.full_like(norm, torch.nan)
        return Shortest(
            x=best,
            norm=torch.where(possible, norm, nan),
            straight=torch.where(possible, straight, nan),
            evaluations=total,
        )


def _unit(vectors: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return vectors / length.clamp(min=torch.finfo(vectors.dtype).tiny)
