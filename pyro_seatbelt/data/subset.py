"""Some of many images, lying evenly over all of them and over the factors of a grid."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

_GOLDEN_SECTION = (math.sqrt(5) - 1) / 2


def golden_stride(total: int) -> int:
    """Return a stride that visits every number below `total` once, evenly all the way.

    Args:
        total: How many numbers there are.

    Returns:
        A number without a common divisor with `total`, near its golden section.

    Example:
        >>> golden_stride(737_280)
        455663
    """
    stride = max(1, int(_GOLDEN_SECTION * total))
    while math.gcd(stride, total) != 1:
        stride -= 1
    return stride


def even_subset(kept: int, total: int) -> NDArray[np.int64]:
    """Choose numbers below `total` so that however many are kept lie evenly.

    Unlike numbers at equal distances, they cover every factor of a grid: a
    golden stride falls into step with none of them. A smaller subset is the
    beginning of a larger one.

    Args:
        kept: How many to choose; all are kept in their own order.
        total: How many there are.

    Returns:
        Distinct numbers, int64, shape `(kept,)`.

    Example:
        >>> even_subset(4, 10).tolist(), even_subset(3, 3).tolist()
        ([0, 3, 6, 9], [0, 1, 2])
    """
    numbers = np.arange(kept)
    return numbers if kept == total else numbers * golden_stride(total) % total


def evenly_spaced(indices: "Tensor", count: int) -> "Tensor":
    """Chooses some of many at equal distances, the first and the last among them: for figures.

    Args:
        indices: Image numbers, int64, shape `(n,)`.
        count: How many to choose.

    Returns:
        As many of them, or all if there are fewer, in order.

    Example:
        >>> import torch
        >>> evenly_spaced(torch.arange(100), 3).tolist()
        [0, 49, 99]
    """
    import torch

    if count >= len(indices):
        return indices
    return indices[torch.linspace(0, len(indices) - 1, count, dtype=torch.float64).long()]
