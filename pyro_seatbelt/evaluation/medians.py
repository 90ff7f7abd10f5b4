"""Medians with intervals over training seeds and pairs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

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
    arrays = [np.asarray(run, dtype=np.float64) for run in runs]
    kept = [some for array in arrays if len(some := array[np.isfinite(array)])]
    num = sum(map(len, kept))
    if not num:
        return Median(math.nan, math.nan, math.nan, 0)
    median = float(np.median(np.concatenate(kept)))
    if num < 2:
        return Median(median, math.nan, math.nan, num)
    rng = np.random.default_rng(seed)
    medians = []
    for _ in range(draws):
        chosen = rng.integers(len(kept), size=len(kept))
        pairs = [rng.choice(kept[run], len(kept[run])) for run in chosen]
        medians.append(np.median(np.concatenate(pairs)))
    low, high = np.quantile(medians, [0.025, 0.975])
    return Median(median, float(low), float(high), num)
