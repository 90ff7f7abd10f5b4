"""Means with confidence intervals."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats


class Estimate(NamedTuple):
    """A mean over problems, with 95 % confidence intervals.

    Attributes:
        mean: The mean; NaN without problems.
        low: Lower end of the interval over pairs and weights, as the paper has it: every problem
            counts as a draw of its own.
        high: Its upper end.
        pairs_low: Lower end of the interval over pairs alone: the problems of a pair resemble each
            other, so this one is what other pairs would confirm. NaN for a single pair.
        pairs_high: Its upper end.
        num: How many problems the mean is over.
    """

    mean: float
    low: float
    high: float
    pairs_low: float
    pairs_high: float
    num: int


def student_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Student's 95 % confidence interval for the mean.

    Args:
        values: Independent draws, all finite, shape `(n,)`.

    Returns:
        Its ends; NaN of fewer than two values.

    Example:
        >>> [round(end, 3) for end in student_interval(np.array([1.0, 2.0, 3.0]))]
        [-0.484, 4.484]
    """
    if len(values) < 2:
        return math.nan, math.nan
    # as printed and kept since the first run: stats.t.interval differs in the last bit
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def positive_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    r"""A 95 % confidence interval for the mean of what is never below 0, which is not either.

    Student's for the logarithm of the mean, whose standard error is that of the mean over the
    mean (the delta method): :math:`\bar{v} \exp(\pm t s / (\bar{v} \sqrt{n}))`. Of many values, or
    of values that differ little, it is that of :func:`student_interval`.

    Args:
        values: Independent draws, all finite and at least 0, shape `(n,)`.

    Returns:
        Its ends; NaN of fewer than two values.

    Example:
        >>> [round(end, 3) for end in positive_interval(np.array([1.0, 2.0, 3.0]))]
        [0.578, 6.926]
    """
    low, high = student_interval(values)
    mean = float(values.mean()) if len(values) else math.nan
    if not mean > 0 or math.isnan(low):
        return (mean, mean) if mean == 0 and len(values) > 1 else (math.nan, math.nan)
    with np.errstate(over="ignore"):  # of numbers below 0, which a stranger's table may have
        factor = float(np.exp((high - low) / 2 / mean))
    return mean / factor, mean * factor


def estimate_mean(table: pd.DataFrame, column: str, *, positive: bool = False) -> Estimate:
    """Estimates the mean of a column over problems.

    Args:
        table: A row per problem, with the column `pair`; rows without a value are left out.
        column: The column.
        positive: Whether its quantity is never below 0, and so the intervals are not either.

    Example:
        >>> table = pd.DataFrame({"pair": [0, 0, 1, 1], "norm": [1.0, 2.0, 3.0, 4.0]})
        >>> estimate_mean(table, "norm").mean
        2.5
    """
    values = table[["pair", column]].dropna()
    interval = positive_interval if positive else student_interval
    low, high = interval(values[column].to_numpy(dtype=np.float64))
    pairs_low, pairs_high = interval(values.groupby("pair")[column].mean().to_numpy())
    mean = float(values[column].mean()) if len(values) else math.nan
    return Estimate(mean, low, high, pairs_low, pairs_high, len(values))
