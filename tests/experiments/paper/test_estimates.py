import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pyro_seatbelt.experiments.paper.estimates import interval, ratio_of_means


def test_the_interval_is_students():
    values = np.random.default_rng(0).normal(3, 2, 12)
    found = interval([*values, math.nan])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.num == 12


def test_few_values_have_no_interval():
    assert math.isnan(interval([]).mean)
    mean, low, _, num = interval([2.0])
    assert (mean, num) == (2.0, 1)
    assert math.isnan(low)


def problems(values, pairs):
    return pd.DataFrame({"pair": pairs, "value": values})


def test_a_ratio_is_over_the_pairs_of_both_sides():
    above = problems([4.0, 8.0, 100.0], [0, 1, 2])
    below = problems([1.0, 3.0, 2.0, 50.0], [0, 0, 1, 3])
    ratio = ratio_of_means(above, below, "value")
    assert ratio.value == pytest.approx(6.0 / 2.0)
    assert (ratio.num_pairs, ratio.num_problems) == (2, 2)
    assert ratio.low <= ratio.value <= ratio.high
    assert ratio.measured("high", "low")["high"] == 6.0


def test_the_interval_holds_the_pairs_together():
    rng = np.random.default_rng(1)
    base = rng.lognormal(0, 2, 40)
    same = ratio_of_means(problems(3 * base, range(40)), problems(base, range(40)), "value")
    assert (same.low, same.high) == pytest.approx((3.0, 3.0))  # every pair says the same
    other = ratio_of_means(
        problems(3 * rng.permutation(base), range(40)), problems(base, range(40)), "value"
    )
    assert other.high / other.low > 1.5


def test_nothing_in_common_is_not_known():
    ratio = ratio_of_means(problems([1.0], [0]), problems([1.0], [1]), "value")
    assert math.isnan(ratio.value)
    assert ratio.num_pairs == 0
    assert math.isnan(ratio_of_means(problems([1.0], [0]), problems([0.0], [0]), "value").value)
    retired = problems([math.nan, 2.0], [0, 1])
    assert ratio_of_means(retired, retired, "value").num_problems == 1
