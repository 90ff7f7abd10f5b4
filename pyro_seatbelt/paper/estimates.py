"""Means with intervals, and how two of them compare."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from pyro_seatbelt.evaluation.estimates import student_interval

_DRAWS = 2000


class Interval(NamedTuple):
    """A mean with a 95 % confidence interval.

    Attributes:
        mean: The mean; NaN of no values.
        low: Lower end; NaN where there is no interval.
        high: Upper end.
        num: How many values.
    """

    mean: float
    low: float
    high: float
    num: int

    def exceeds(self, bound: float) -> bool | None:
        """Whether the mean is above a bound; None without an interval, or if it holds both."""
        return _exceeds(self.mean, self.low, self.high, bound)

    def ends(self, name: str) -> dict[str, float]:
        """The mean and its interval by name, for a claim."""
        return _ends_by_name(name, self.mean, self.low, self.high)


class Comparison(NamedTuple):
    """How two means over the problems of attacks compare.

    Attributes:
        kind: `ratio` of the first over the second, or `difference` of the first less the second.
        value: That; NaN where there is none.
        low: Lower end of a 95 % interval over pairs: the pairs are drawn again, the same ones on
            both sides; NaN for a single pair.
        high: Its upper end.
        first: The first mean.
        second: The second one.
        num_pairs: Pairs that both sides have.
        num_problems: Problems of the smaller side.
    """

    kind: Literal["ratio", "difference"]
    value: float
    low: float
    high: float
    first: float
    second: float
    num_pairs: int
    num_problems: int

    def exceeds(self, bound: float) -> bool | None:
        """Whether the value is above a bound; None without an interval, or if it holds both.

        Example:
            >>> ratio = Comparison("ratio", 1.2, 0.9, 1.5, 6.0, 5.0, 8, 72)
            >>> ratio.exceeds(1.0), ratio.exceeds(2.0), ratio._replace(low=1.1).exceeds(1.0)
            (None, False, True)
            >>> ratio._replace(low=math.nan, high=math.nan, num_pairs=1).exceeds(1.0)
        """
        return _exceeds(self.value, self.low, self.high, bound)

    def ends(self, name: str) -> dict[str, float]:
        """The value and its interval by name, for a claim."""
        return _ends_by_name(name, self.value, self.low, self.high)

    def measured(self, first: str, second: str) -> dict[str, float | int]:
        """All the numbers by name, for a claim.

        Args:
            first: Name of the first mean.
            second: Name of the second one.
        """
        return {
            **self.ends(self.kind),
            first: self.first,
            second: self.second,
            "pairs": self.num_pairs,
            "problems": self.num_problems,
        }


class _Pairs(NamedTuple):
    """What two sides sum up to in each of their common pairs, each of shape `(2, pairs)`."""

    sums: NDArray[np.float64]
    counts: NDArray[np.float64]

    @property
    def num_pairs(self) -> int:
        return int(self.sums.shape[1])

    @property
    def num_problems(self) -> int:
        return int(self.counts.sum(-1).min())

    def means(self) -> NDArray[np.float64]:
        return self.sums.sum(-1) / self.counts.sum(-1)

    def means_of_draws(self) -> NDArray[np.float64]:
        """The two means of pairs drawn again and again, shape `(2, draws)`."""
        size = _DRAWS, self.num_pairs
        drawn = np.random.default_rng(0).integers(0, self.num_pairs, size)
        means: NDArray[np.float64] = self.sums[:, drawn].sum(-1) / self.counts[:, drawn].sum(-1)
        return means


def interval(values: Sequence[float] | pd.Series) -> Interval:
    """Averages values, with Student's interval; what is not finite is left out.

    Example:
        >>> mean, low, high, num = interval([1.0, 2.0, 3.0])
        >>> mean, round(high - mean, 3), num
        (2.0, 2.484, 3)
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    mean = float(known.mean()) if len(known) else math.nan
    return Interval(mean, *student_interval(known), len(known))


def share(count: int, num: int) -> Interval:
    """The share of what is so, with the interval of Clopper and Pearson.

    Args:
        count: How many are so.
        num: Out of how many.

    Example:
        >>> mean, low, high, num = share(8, 8)
        >>> mean, round(low, 2), high, num
        (1.0, 0.63, 1.0, 8)
    """
    if not num:
        return Interval(math.nan, math.nan, math.nan, 0)
    ends = stats.binomtest(count, num).proportion_ci(0.95)
    return Interval(count / num, float(ends.low), float(ends.high), num)


def ratio_of_means(first: pd.DataFrame, second: pd.DataFrame, column: str) -> Comparison:
    """Divides the mean of a column over some problems by that over others.

    Args:
        first: A row for each problem, with `pair`.
        second: The same for the other side.
        column: What is averaged.

    Returns:
        The ratio over the pairs that both sides have. Its interval draws pairs again and again
        (2000 times, seeded): the problems of a pair resemble each other.

    Example:
        >>> one = pd.DataFrame({"pair": [0, 0, 1], "value": [2.0, 4.0, 3.0]})
        >>> ratio_of_means(one, one, "value").value
        1.0
    """
    pairs = _common(first, second, column)
    if not pairs.num_pairs or not pairs.means()[1] > 0:
        return _compared("ratio", pairs, lambda means: np.full(means.shape[1:], math.nan))
    return _compared("ratio", pairs, lambda means: means[0] / means[1])


def difference_of_means(first: pd.DataFrame, second: pd.DataFrame, column: str) -> Comparison:
    """Subtracts the mean of a column over some problems from that over others.

    For quantities that may be zero, where a ratio says nothing.

    Args:
        first: A row for each problem, with `pair`.
        second: The same for the other side.
        column: What is averaged.

    Returns:
        The first mean less the second, over the pairs that both have; its interval is made as
        that of :func:`ratio_of_means`.

    Example:
        >>> one = pd.DataFrame({"pair": [0, 1], "l2": [0.5, 0.7]})
        >>> other = pd.DataFrame({"pair": [0, 1], "l2": [0.0, 0.0]})
        >>> round(difference_of_means(one, other, "l2").value, 3)
        0.6
    """
    pairs = _common(first, second, column)
    return _compared("difference", pairs, lambda means: means[0] - means[1])


def _compared(
    kind: Literal["ratio", "difference"],
    pairs: _Pairs,
    compare: Callable[[NDArray[np.float64]], Any],
) -> Comparison:
    """Compares two means, shape `(2,)`, and those of pairs drawn again, shape `(2, draws)`."""
    if not pairs.num_pairs:
        return Comparison(kind, math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0)
    means = pairs.means()
    low = high = math.nan
    if pairs.num_pairs > 1:
        low, high = map(float, np.quantile(compare(pairs.means_of_draws()), [0.025, 0.975]))
    one, other = map(float, means)
    return Comparison(
        kind, float(compare(means)), low, high, one, other, pairs.num_pairs, pairs.num_problems
    )


def _common(one: pd.DataFrame, other: pd.DataFrame, column: str) -> _Pairs:
    sides = [_by_pair(table, column) for table in (one, other)]
    pairs = sides[0].index.intersection(sides[1].index)
    sums, counts = (
        np.array([side.loc[pairs, name].to_numpy() for side in sides]) for name in ("sum", "count")
    )
    return _Pairs(sums, counts)


def _by_pair(table: pd.DataFrame, column: str) -> pd.DataFrame:
    kept = table[np.isfinite(table[column].astype(float))]
    return kept.groupby("pair")[column].agg(["sum", "count"]).astype(float)


def _ends_by_name(name: str, value: float, low: float, high: float) -> dict[str, float]:
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _exceeds(value: float, low: float, high: float, bound: float) -> bool | None:
    if math.isnan(value) or math.isnan(low) or low <= bound < high:
        return None
    return bool(value > bound)
