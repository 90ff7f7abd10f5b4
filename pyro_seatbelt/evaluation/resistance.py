"""How large a distortion has to be to cover so much of the way to the target.

A *line* is a distortion d with what was measured at fractions s of it, so at x + s d: an attack
may stop short of the point that its search found. Along a line the reconstruction moves without
jumps, so a share between those of two neighbouring points is reached between them.
"""

import numpy as np
from numpy.typing import NDArray

PLANTED = 1.0
"""The relative distortion that always suffices: d = x_t - x."""


def first_reached(
    distortion: NDArray[np.floating], covered: NDArray[np.floating], share: float
) -> NDArray[np.float64]:
    """Where each line first covers a share of the way.

    Args:
        distortion: Relative distortions along each line, ascending from 0, shape `(n, k)`.
        covered: The shares covered there, of that shape; NaN counts as nothing.
        share: The share.

    Returns:
        Relative distortions, shape `(n,)`, by straight lines between neighbouring points; infinite
        for lines that never cover so much.

    Example:
        >>> distortion = np.array([[0.0, 0.2, 0.4], [0.0, 0.5, 1.0]])
        >>> covered = np.array([[0.0, 0.4, 0.6], [0.0, 0.1, 0.2]])
        >>> first_reached(distortion, covered, 0.5).round(3).tolist()
        [0.3, inf]
    """
    at = np.nan_to_num(np.asarray(covered, dtype=np.float64), nan=0.0)
    reached = at >= share
    later = reached.argmax(1)
    rows, before = np.arange(len(at)), np.maximum(later - 1, 0)
    rise = at[rows, later] - at[rows, before]
    part = np.divide(
        share - at[rows, before], rise, out=np.zeros(len(at)), where=(later > 0) & (rise > 0)
    )
    x = np.asarray(distortion, dtype=np.float64)
    crossing = x[rows, before] + part * (x[rows, later] - x[rows, before])
    found: NDArray[np.float64] = np.where(reached.any(1), crossing, np.inf)
    return found


def resistance(
    distortion: NDArray[np.floating], covered: NDArray[np.floating], share: float
) -> float:
    r"""The least relative distortion that covers a share of the way, over all lines of a pair.

    The size of d is :math:`\|d\| / \|x_t - x\|`. The planted solution :math:`d = x_t - x`, which
    covers all, counts as one more point, to which nothing is interpolated: the result is in
    [0, 1], and 1 says that no line did better. A better attack can only lower it, so it is an
    upper bound of the model's resistance, up to the curvature between two neighbouring points.

    Args:
        distortion: Relative distortions along each line, ascending from 0, shape `(n, k)`.
        covered: The shares covered there, of that shape.
        share: The share, 0.5 for r50.

    Returns:
        The resistance; NaN where no share is defined.

    Example:
        >>> resistance(np.array([[0.0, 0.5, 1.0]]), np.array([[0.0, 0.25, 0.5]]), 0.5)
        1.0
    """
    if not np.isfinite(covered).any():
        return float("nan")
    return float(min(PLANTED, first_reached(distortion, covered, share).min()))


def best_covered(
    distortion: NDArray[np.floating], covered: NDArray[np.floating], at: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The most that any line has covered with so much distortion or less.

    Args:
        distortion: Relative distortions along each line, ascending from 0, shape `(n, k)`.
        covered: The shares covered there, of that shape.
        at: Relative distortions, ascending, shape `(m,)`.

    Returns:
        Shares, shape `(m,)`, not decreasing; 1 from the planted solution on, NaN where no share is
        defined.

    Example:
        >>> line = np.array([[0.0, 0.5]]), np.array([[0.0, 0.8]])
        >>> best_covered(*line, np.array([0.0, 0.25, 0.75, 1.0])).tolist()
        [0.0, 0.4, 0.8, 1.0]
    """
    if not np.isfinite(covered).any():
        return np.full(len(at), np.nan)
    best = np.zeros(len(at))
    for x, y in zip(distortion, np.nan_to_num(covered, nan=0.0), strict=True):
        best = np.maximum(best, np.where(at <= x[-1], np.interp(at, x, y), y.max()))
    best = np.where(at >= PLANTED, np.maximum(best, 1.0), best)
    most: NDArray[np.float64] = np.maximum.accumulate(best)
    return most
