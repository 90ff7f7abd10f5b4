"""Some problems of an attack: whose posterior is to move where, and how far an image may change."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.errors import InputError


@dataclass(frozen=True)
class Problems:
    r"""Problems that are solved together, a row per problem.

    Attributes:
        numbers: Number of each problem, ``pair * len(weights) + weight``.
        pair: Index of its input-target pair, shape `(n,)`.
        x: Its input, shape `(n, *image)`.
        target: Its target, of the same shape: the input itself without a target.
        targeted: Whether there are targets; without them the distance is maximised.
        weight: Its penalty :math:`\lambda`, shape `(n,)`.
        lower: Lower bounds of its distortion, shape `(n, D)`.
        upper: Upper bounds.
        limits: The range of the data.
    """

    numbers: Sequence[int]
    pair: Tensor
    x: Tensor
    target: Tensor
    targeted: bool
    weight: Tensor
    lower: Tensor
    upper: Tensor
    limits: tuple[float, float]

    @staticmethod
    def choose(
        numbers: Sequence[int],
        x: Tensor,
        target: Tensor | None,
        weights: Sequence[float],
        *,
        limits: tuple[float, float],
        ball: Ball | None = None,
    ) -> "Problems":
        """Picks some of the problems of all pairs and weights.

        Args:
            numbers: Their numbers.
            x: The inputs of every pair, shape `(B, *image)`.
            target: Their targets; None for an untargeted attack.
            weights: The penalties of every pair.
            limits: The range of the data.
            ball: Where the distortions must stay besides.
        """
        number = torch.tensor(numbers, device=x.device)
        pair = number // len(weights)
        own = x[pair].detach()
        # MPS has no float64
        exact = torch.float32 if x.device.type == "mps" else torch.float64
        every = torch.tensor(list(weights), dtype=exact, device=x.device)
        flat = own.flatten(1).to(exact)
        low, high = limits
        lower, upper = low - flat, high - flat
        if ball is not None:
            lower, upper = ball.cut(lower, upper)
        return Problems(
            numbers=numbers,
            pair=pair,
            x=own,
            target=own if target is None else target[pair].detach(),
            targeted=target is not None,
            weight=every[number % len(weights)],
            lower=lower,
            upper=upper,
            limits=limits,
        )

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def rows(self) -> Tensor:
        """All of them, by row: 0, 1, ..., shape `(n,)`."""
        return torch.arange(len(self), device=self.x.device)

    @property
    def sign(self) -> float:
        """What the distance is multiplied by, to be minimised."""
        return 1.0 if self.targeted else -1.0

    def adversarial(self, distortions: Tensor, rows: Tensor) -> Tensor:
        """The distorted inputs of some of the problems, in the range of the data.

        Args:
            distortions: Shape `(m, D)`.
            rows: Whose they are, shape `(m,)`.

        Returns:
            Shape `(m, *image)`.
        """
        distortion = distortions.view(-1, *self.x.shape[1:]).to(self.x)
        return (self.x[rows] + distortion).clamp(*self.limits)


def check_images(x: Tensor, target: Tensor | None, limits: tuple[float, float]) -> None:
    """Finds out whether images can be attacked.

    Args:
        x: The inputs.
        target: Their targets, if there are any.
        limits: The range of the data.

    Raises:
        InputError: When they are no images in the range, or a target equals its input.
    """
    low, high = limits
    for name, images in (("input", x), ("target", target)):
        if images is None:
            continue
        if images.ndim < 2 or not len(images) or not images.is_floating_point():
            raise InputError(
                f"expected {name}s of shape (pairs, *image) and a floating dtype, got "
                f"{tuple(images.shape)} of {images.dtype}"
            )
        if not bool(((images >= low) & (images <= high)).all()):
            raise InputError(
                f"expected {name}s with pixels in [{low:g}, {high:g}], got "
                f"[{float(images.min()):g}, {float(images.max()):g}]"
            )
    if target is None:
        return
    if target.shape != x.shape or target.dtype != x.dtype or target.device != x.device:
        raise InputError(
            f"expected inputs and targets alike, got {tuple(x.shape)} of {x.dtype} on "
            f"{x.device} and {tuple(target.shape)} of {target.dtype} on {target.device}"
        )
    equal = (x == target).flatten(1).all(1)
    if bool(equal.any()):
        raise InputError(
            f"pair {int(equal.nonzero()[0])}: the target equals the input, so there is nothing "
            "to attack; choose another target"
        )
