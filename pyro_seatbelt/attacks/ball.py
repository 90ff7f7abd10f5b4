"""Norm balls around an input: how far an attack may go."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pyro_seatbelt.attacks.modes import Norm
from pyro_seatbelt.errors import InputError


@dataclass(frozen=True)
class Ball:
    """The distortions whose norm is at most `radius`.

    Attributes:
        norm: `l2` for the Euclidean norm over the whole image, `linf` for the largest pixel.
        radius: In units of pixels, so of [0, 1].

    Raises:
        InputError: When the radius is not positive or the norm is not one of the two.

    Example:
        >>> Ball("linf", 0.1).project(torch.tensor([[0.3, -0.05]]))
        tensor([[ 0.1000, -0.0500]])
    """

    norm: Norm
    radius: float

    def __post_init__(self) -> None:
        if self.norm not in ("l2", "linf"):
            raise InputError(f"expected norm 'l2' or 'linf', got {self.norm!r}")
        if not 0 < self.radius < float("inf"):
            raise InputError(f"expected a finite radius > 0, got {self.radius}")

    @classmethod
    def of_budget(cls, norm: Norm, budget: float, num_pixels: int) -> "Ball":
        """The ball of the distortions that change pixels by no more than a budget.

        Args:
            norm: `l2` bounds the root mean square of the changes of all pixels, `linf` the largest.
            budget: In units of pixels, so of [0, 1], whatever the size of the images.
            num_pixels: Pixels of an image, counted in every channel.

        Example:
            >>> [Ball.of_budget(norm, 0.1, 64 * 64).radius for norm in ("l2", "linf")]
            [6.4, 0.1]
        """
        return cls(norm, budget * math.sqrt(num_pixels) if norm == "l2" else budget)

    def cut(self, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        """The part of a box that is within `radius` of 0 in every pixel.

        For the `linf` norm that is all of the ball that lies in the box.

        Args:
            lower: Lower bounds of the box.
            upper: Upper bounds.

        Returns:
            Lower and upper bounds.
        """
        return lower.clamp(min=-self.radius), upper.clamp(max=self.radius)

    def project(self, distortion: Tensor) -> Tensor:
        """The nearest distortion in the ball.

        Args:
            distortion: Shape `(n, D)`.
        """
        if self.norm == "linf":
            return distortion.clamp(-self.radius, self.radius)
        length: Tensor = torch.linalg.vector_norm(distortion, dim=1, keepdim=True)
        return distortion * (self.radius / length.clamp(min=self.radius))

    def ascent(self, gradient: Tensor) -> Tensor:
        """The direction of norm 1 along which a linear function with this gradient grows most.

        Args:
            gradient: Shape `(n, D)`.
        """
        if self.norm == "linf":
            return gradient.sign()
        length: Tensor = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        return gradient / length.clamp(min=torch.finfo(gradient.dtype).tiny)

    def sample(self, num: int, dim: int, generator: torch.Generator) -> Tensor:
        """Draws distortions uniformly from the ball, in float64 on the CPU.

        Returns:
            Shape `(num, dim)`.
        """
        if self.norm == "linf":
            uniform = torch.rand(num, dim, generator=generator, dtype=torch.float64)
            return self.radius * (2 * uniform - 1)
        normal = torch.randn(num, dim, generator=generator, dtype=torch.float64)
        radius = torch.rand(num, 1, generator=generator, dtype=torch.float64) ** (1 / dim)
        return self.radius * radius * self.ascent(normal)
