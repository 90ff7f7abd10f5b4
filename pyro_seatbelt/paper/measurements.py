"""Numbers with intervals, and how two means compare: what claims are decided by."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from pyro_seatbelt.evaluation.estimates import positive_interval, student_interval


@dataclass(frozen=True)
class Measurement:
    """A number with a 95 % confidence interval.

    Attributes:
        value: The number; NaN of nothing.
        low: Lower end; NaN where there is no interval.
        high: Upper end.
        num: How many runs, images or pairs it is from.
    """

    value: float
    low: float
    high: float
    num: int

    def ends(self, name: str) -> dict[str, float]:
        """The number and its interval by name, for a claim.

        Example:
            >>> Measurement(2.0, 1.5, 2.5, 8).ends("ratio")
            {'ratio': 2.0, 'ratio_low': 1.5, 'ratio_high': 2.5}
        """
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


@dataclass(frozen=True)
class Contrast(Measurement):
    """How two means over the problems of attacks compare.

    The interval is over pairs of images, as the problems of a pair resemble each other: pairs are
    drawn again (the bootstrap, 2000 times, seeded), the same ones on both sides. A single pair
    has none.

    Attributes:
        kind: `ratio` of the first over the second, or `difference` of the first less the second.
        first: The first mean.
        second: The second one.
        problems: Problems of the smaller side; `num` counts the pairs that both sides have.
    """

    kind: Literal["ratio", "difference"]
    first: float
    second: float
    problems: int

    def numbers(self, first: str, second: str) -> dict[str, float | int]:
        """All the numbers by name, for a claim.

        Args:
            first: Name of the first mean.
            second: Name of the second one.
        """
        counts = {"pairs": self.num, "problems": self.problems}
        return {**self.ends(self.kind), first: self.first, second: self.second, **counts}


def mean(values: Sequence[float] | pd.Series, *, positive: bool = False) -> Measurement:
    """Averages values, with Student's interval; what is not finite is left out.

    Args:
        values: The values.
        positive: Whether they are of what is never below 0: then the interval is not either.

    Example:
        >>> found = mean([1.0, 2.0, 3.0])
        >>> found.value, round(found.high - found.value, 3), found.num
        (2.0, 2.484, 3)
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    value = float(known.mean()) if len(known) else math.nan
    interval = positive_interval if positive else student_interval
    return Measurement(value, *interval(known), len(known))


def share(count: int, num: int) -> Measurement:
    """The share of what is so, with the interval of Clopper and Pearson.

    Args:
        count: How many are so.
        num: Out of how many.

    Example:
        >>> found = share(8, 8)
        >>> found.value, round(found.low, 2), found.high
        (1.0, 0.63, 1.0)
    """
    if not num:
        return Measurement(math.nan, math.nan, math.nan, 0)
    ends = stats.binomtest(count, num).proportion_ci(0.95)
    return Measurement(count / num, float(ends.low), float(ends.high), num)


def ratio(first: pd.DataFrame, second: pd.DataFrame, column: str) -> Contrast:
    """Divides the mean of a column over some problems by that over others.

    Args:
        first: A row for each problem, with `pair`.
        second: The same for the other side.
        column: What is averaged.

    Returns:
        The ratio over the pairs that both sides have; NaN unless the second mean is above 0.

    Example:
        >>> one = pd.DataFrame({"pair": [0, 0, 1], "value": [2.0, 4.0, 3.0]})
        >>> ratio(one, one, "value").value
        1.0
    """
    return _contrast("ratio", first, second, column)


def difference(first: pd.DataFrame, second: pd.DataFrame, column: str) -> Contrast:
    """Subtracts the mean of a column over some problems from that over others.

    For quantities that may be zero, where a ratio says nothing.

    Args:
        first: A row for each problem, with `pair`.
        second: The same for the other side.
        column: What is averaged.

    Returns:
        The first mean less the second, over the pairs that both have.

    Example:
        >>> one = pd.DataFrame({"pair": [0, 1], "l2": [0.5, 0.7]})
        >>> other = pd.DataFrame({"pair": [0, 1], "l2": [0.0, 0.0]})
        >>> round(difference(one, other, "l2").value, 3)
        0.6
    """
    return _contrast("difference", first, second, column)


def _contrast(
    kind: Literal["ratio", "difference"], one: pd.DataFrame, other: pd.DataFrame, column: str
) -> Contrast:
    compare: Callable[[Any, Any], Any] = np.divide if kind == "ratio" else np.subtract
    sides = [_by_pair(table, column) for table in (one, other)]
    pairs = sides[0].index.intersection(sides[1].index)
    if pairs.empty:
        return Contrast(math.nan, math.nan, math.nan, 0, kind, math.nan, math.nan, 0)
    # the sum and the count of every pair on either side, each of shape (pairs,)
    sums = [side.loc[pairs, name].to_numpy() for side in sides for name in ("sum", "count")]
    first, second = (float(sums[i].sum() / sums[i + 1].sum()) for i in (0, 2))
    problems = int(min(sums[1].sum(), sums[3].sum()))
    value = low = high = math.nan
    if kind == "difference" or second > 0:
        value = float(compare(first, second))
        low, high = _interval(sums, compare)
    return Contrast(value, low, high, len(pairs), kind, first, second, problems)


def _interval(
    sums: list[NDArray[np.float64]], compare: Callable[[Any, Any], Any]
) -> tuple[float, float]:
    if len(sums[0]) < 2:
        return math.nan, math.nan

    def of_draws(*drawn: NDArray[np.float64], axis: int) -> Any:
        one, num_one, other, num_other = (each.sum(axis) for each in drawn)
        return compare(one / num_one, other / num_other)

    found = stats.bootstrap(
        sums,
        of_draws,
        paired=True,
        vectorized=True,
        n_resamples=2000,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    low, high = np.quantile(found.bootstrap_distribution, [0.025, 0.975])
    return float(low), float(high)


def _by_pair(table: pd.DataFrame, column: str) -> pd.DataFrame:
    kept = table[np.isfinite(table[column].astype(float))]
    return kept.groupby("pair")[column].agg(["sum", "count"]).astype(float)
