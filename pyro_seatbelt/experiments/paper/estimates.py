"""Means with intervals, and ratios of them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

_DRAWS = 2000


class Interval(NamedTuple):
    """A mean with Student's 95 % confidence interval.

    Attributes:
        mean: The mean; NaN of no values.
        low: Lower end; NaN of fewer than two values.
        high: Upper end.
        num: How many values.
    """

    mean: float
    low: float
    high: float
    num: int


class Ratio(NamedTuple):
    """The ratio of two means over the problems of attacks.

    Attributes:
        value: The ratio; NaN where there is none.
        low: Lower end of a 95 % interval over pairs: the pairs are drawn again, the same ones on
            both sides; NaN for a single pair.
        high: Its upper end.
        above: The mean above the line.
        below: The mean below it.
        num_pairs: Pairs that both sides have.
        num_problems: Problems of the smaller side.
    """

    value: float
    low: float
    high: float
    above: float
    below: float
    num_pairs: int
    num_problems: int

    def exceeds(self, bound: float) -> bool | None:
        """Whether the ratio is above a bound; None if it is unknown, or the interval holds both.

        Example:
            >>> ratio = Ratio(1.2, 0.9, 1.5, 6.0, 5.0, 8, 72)
            >>> ratio.exceeds(1.0), ratio.exceeds(2.0), ratio._replace(low=1.1).exceeds(1.0)
            (None, False, True)
        """
        if math.isnan(self.value) or self.low <= bound < self.high:
            return None
        return self.value > bound

    def measured(self, above: str, below: str) -> dict[str, float | int]:
        """The numbers by name, for a claim.

        Args:
            above: Name of the mean above the line.
            below: Name of the one below it.
        """
        return {
            "ratio": self.value,
            "ratio_low": self.low,
            "ratio_high": self.high,
            above: self.above,
            below: self.below,
            "pairs": self.num_pairs,
            "problems": self.num_problems,
        }


def interval(values: Sequence[float] | pd.Series) -> Interval:
    """Averages values; what is not finite is left out.

    Example:
        >>> mean, low, high, num = interval([1.0, 2.0, 3.0])
        >>> mean, round(high - mean, 3), num
        (2.0, 2.484, 3)
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(known.mean())
    if len(known) < 2:
        return Interval(mean, math.nan, math.nan, 1)
    half = float(stats.t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / math.sqrt(len(known)))
    return Interval(mean, mean - half, mean + half, len(known))


def ratio_of_means(above: pd.DataFrame, below: pd.DataFrame, column: str) -> Ratio:
    """Divides the mean of a column over some problems by that over others.

    Args:
        above: A row for each problem, with `pair`.
        below: The same for the other side.
        column: What is averaged.

    Returns:
        The ratio over the pairs that both sides have. Its interval draws pairs again and again
        (2000 times, seeded): the problems of a pair resemble each other.

    Example:
        >>> one = pd.DataFrame({"pair": [0, 0, 1], "value": [2.0, 4.0, 3.0]})
        >>> ratio_of_means(one, one, "value").value
        1.0
    """
    upper, lower = (_by_pair(table, column) for table in (above, below))
    pairs = upper.index.intersection(lower.index)
    if not len(pairs):
        return Ratio(math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0)
    (tops, top_counts), (bottoms, bottom_counts) = (
        (side.loc[pairs, "sum"].to_numpy(), side.loc[pairs, "count"].to_numpy())
        for side in (upper, lower)
    )
    top, bottom = tops.sum() / top_counts.sum(), bottoms.sum() / bottom_counts.sum()
    low = high = math.nan
    if len(pairs) > 1 and bottom > 0:
        drawn = np.random.default_rng(0).integers(0, len(pairs), (_DRAWS, len(pairs)))
        ratios = (tops[drawn].sum(1) / top_counts[drawn].sum(1)) / (
            bottoms[drawn].sum(1) / bottom_counts[drawn].sum(1)
        )
        low, high = (float(end) for end in np.quantile(ratios, [0.025, 0.975]))
    return Ratio(
        float(top / bottom) if bottom > 0 else math.nan,
        low,
        high,
        float(top),
        float(bottom),
        len(pairs),
        int(min(top_counts.sum(), bottom_counts.sum())),
    )


def _by_pair(table: pd.DataFrame, column: str) -> pd.DataFrame:
    kept = table[np.isfinite(table[column].astype(float))]
    return kept.groupby("pair")[column].agg(["sum", "count"]).astype(float)
