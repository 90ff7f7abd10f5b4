"""The range of the data, which no attack leaves: one for all pixels, or one for each channel."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pyro_seatbelt.errors import InputError

Limits = tuple[float, float] | tuple[Sequence[float], Sequence[float]]
"""The least and the largest value of a pixel, or of each channel, as in normalised images."""

_ROUNDING = 1e-6
"""By how much of its range a channel may be beyond it: normalising rounds."""


def check_limits(limits: Limits) -> None:
    """Finds out whether limits are a range.

    Args:
        limits: The limits.

    Raises:
        InputError: When they are not two numbers or two sequences of one length, or no range.
    """
    low, high = (np.asarray(side, dtype=np.float64) for side in limits)
    if low.shape != high.shape or low.ndim > 1 or not (low < high).all():
        raise InputError(
            "expected limits (low, high) with low < high, numbers or a number per channel each, "
            f"got {plain_limits(limits)}"
        )


def plain_limits(limits: Limits) -> list[float | list[float]]:
    """Writes limits down as JSON has them.

    Args:
        limits: The limits.

    Example:
        >>> plain_limits((torch.zeros(2), torch.ones(2)))
        [[0.0, 0.0], [1.0, 1.0]]
    """
    return [np.asarray(side, dtype=np.float64).tolist() for side in limits]


def bounds(limits: Limits, images: Tensor, dtype: torch.dtype | None = None) -> list[Tensor]:
    """The least and the largest images that limits allow.

    Args:
        limits: The limits.
        images: Shape `(n, *image)`, the channels first.
        dtype: Of the bounds, by default that of the images.

    Returns:
        Both, in a shape that broadcasts with an image's.

    Raises:
        InputError: When there is not one limit per channel.

    Example:
        >>> low, high = bounds(([0.0, -1.0], [1.0, 1.0]), torch.zeros(5, 2, 8, 8))
        >>> low.shape, low.flatten().tolist()
        (torch.Size([2, 1, 1]), [0.0, -1.0])
    """
    sides = []
    for side in limits:
        each = torch.tensor(np.asarray(side, dtype=np.float64))
        if each.ndim and len(each) != images.shape[1]:
            raise InputError(
                f"expected limits for {images.shape[1]} channels of images of shape "
                f"{tuple(images.shape[1:])}, got {len(each)}"
            )
        shape = [-1] + [1] * (images.ndim - 2) if each.ndim else []
        sides.append(each.to(images.device, dtype or images.dtype).view(shape))
    return sides


def check_range(name: str, images: Tensor, limits: Limits) -> None:
    """Finds out whether images are in the range.

    Args:
        name: What they are called.
        images: The images, shape `(n, *image)`.
        limits: The limits.

    Raises:
        InputError: When a pixel is not, or there is not one limit per channel.
    """
    low, high = bounds(limits, images)
    slack = _ROUNDING * (high - low) if low.ndim else 0.0
    if not bool(((images >= low - slack) & (images <= high + slack)).all()):
        wanted = " in " if low.ndim == 0 else " of every channel in "
        ranges = zip(low.flatten().tolist(), high.flatten().tolist(), strict=True)
        raise InputError(
            f"expected {name}s with pixels{wanted}"
            + ", ".join(f"[{least:g}, {most:g}]" for least, most in ranges)
            + f", got [{float(images.min()):g}, {float(images.max()):g}]"
        )
