"""Medians with intervals over training seeds and pairs."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_DRAWS = 2000


class Median(NamedTuple):
    """A median with a 95 % bootstrap interval.

    Attributes:
        median: The median; NaN without values.
        low: Lower end of the interval; NaN of fewer than two values.
        high: Its upper end.
        num: How many values it is of.
    """

    median: float
    low: float
    high: float
    num: int


def median_over_runs(
    runs: Sequence[Sequence[float] | NDArray[np.float64]], *, draws: int = _DRAWS, seed: int = 0
) -> Median:
    """The median over the pairs of runs that differ in their seed.

    The interval is that of percentiles of a bootstrap in two stages: it draws runs with
    replacement, and then pairs of each of these. It speaks of other pairs and other seeds; of one
    run, of other pairs alone. Few seeds make it too narrow.

    Args:
        runs: The values of the pairs of each run; what is not finite is left out.
        draws: Draws of the bootstrap.
        seed: Seeds them.

    Returns:
        The median with its interval.

    References:
        | Bootstrap Methods and Their Application (Davison and Hinkley, 1997), Section 3.8

    Example:
        >>> found = median_over_runs([[0.1, 0.2, 0.3], [0.5, 0.6, 0.7]])
        >>> round(found.median, 3), found.num, found.low < 0.3 < 0.5 < found.high
        (0.4, 6, True)
    """
    kept = _finite_rows(runs)
    return _bootstrapped(kept, lambda rows: float(np.median(rows)), draws=draws, seed=seed)


def median_gain(
    runs: Sequence[Sequence[float] | NDArray[np.float64]],
    base: Sequence[Sequence[float] | NDArray[np.float64]],
    *,
    draws: int = _DRAWS,
    seed: int = 0,
) -> Median:
    """How much larger a median is than another's over the same pairs, run by run.

    The bootstrap of :func:`median_over_runs` that draws the same runs and the same pairs of both:
    what the pairs have in common does not widen the interval of the difference.

    Args:
        runs: The values of the pairs of each run.
        base: Those of the runs that they are compared with: as many, of the same pairs in the same
            order. A pair where either is not finite is left out.
        draws: Draws of the bootstrap.
        seed: Seeds them.

    Returns:
        The difference of the medians with its interval, and the number of pairs.

    Raises:
        ValueError: If the runs are not as many, or have other numbers of pairs.

    Example:
        >>> found = median_gain([[0.3, 0.5, 0.7]], [[0.2, 0.4, 0.6]])
        >>> round(found.median, 3), found.low > 0
        (0.1, True)
    """
    shapes = [[len(each) for each in some] for some in (runs, base)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"expected the same pairs of both, got {shapes[0]} and {shapes[1]}")
    both = [np.column_stack([run, other]) for run, other in zip(runs, base, strict=True)]

    def gain(rows: NDArray[np.float64]) -> float:
        first, second = np.median(rows, axis=0)
        return float(first - second)

    return _bootstrapped(_finite_rows(both), gain, draws=draws, seed=seed)


def _finite_rows(runs: Sequence[Any]) -> list[NDArray[np.float64]]:
    """The rows of each run that are finite all through; runs without any are left out."""
    arrays = [np.asarray(run, dtype=np.float64) for run in runs]
    columns = [array if array.ndim == 2 else array[:, None] for array in arrays]
    finite = [np.isfinite(each).all(axis=1) for each in columns]
    rows = [array[kept] for array, kept in zip(arrays, finite, strict=True)]
    return [some for some in rows if len(some)]


def _bootstrapped(
    kept: Sequence[NDArray[np.float64]],
    statistic: Callable[[NDArray[np.float64]], float],
    *,
    draws: int,
    seed: int,
) -> Median:
    """A statistic of all rows, with its interval over runs and the rows of each."""
    num = sum(map(len, kept))
    if not num:
        return Median(math.nan, math.nan, math.nan, 0)
    middle = statistic(np.concatenate(kept))
    if num < 2:
        return Median(middle, math.nan, math.nan, num)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        chosen = rng.integers(len(kept), size=len(kept))
        rows = [rng.choice(kept[run], len(kept[run])) for run in chosen]
        drawn.append(statistic(np.concatenate(rows)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Median(middle, float(low), float(high), num)
