import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pyro_seatbelt.paper.estimates import (
    difference_of_means,
    interval,
    ratio_of_means,
    share,
)


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


def test_one_pair_decides_nothing():
    one, other = problems([4.0, 5.0], [0, 0]), problems([1.0, 2.0], [0, 0])
    ratio, difference = (
        ratio_of_means(one, other, "value"),
        difference_of_means(one, other, "value"),
    )
    assert (ratio.value, difference.value) == (3.0, 3.0)
    assert ratio.exceeds(1) is None
    assert difference.exceeds(0) is None


def test_a_difference_is_that_of_the_pairs_of_both_sides():
    rng = np.random.default_rng(2)
    base, noise = rng.normal(0, 10, 40), rng.normal(0, 0.1, 40)
    one = problems([*(base + 1 + noise), 1e6], range(41))
    found = difference_of_means(one, problems(base, range(40)), "value")
    expected = stats.ttest_rel(base + 1 + noise, base).confidence_interval(0.95)
    assert found.value == pytest.approx(1 + noise.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)
    assert found.num_pairs == 40
    assert found.exceeds(0) is True
    assert found.exceeds(1.5) is False
    assert found.exceeds(found.value) is None
    assert found.measured("a", "b")["b"] == pytest.approx(base.mean())


def test_a_difference_is_known_where_a_ratio_is_not():
    one, other = problems([0.5, 0.7], [0, 1]), problems([0.1, -0.1], [0, 1])
    assert difference_of_means(one, other, "value").exceeds(0) is True
    assert ratio_of_means(one, other, "value").exceeds(1) is None
    assert math.isnan(difference_of_means(one, problems([1.0], [7]), "value").value)


def test_a_share_of_few_is_not_much_of_a_majority():
    assert share(2, 2).exceeds(0.5) is None
    assert share(8, 8).exceeds(0.5) is True
    assert share(0, 8).exceeds(0.5) is False
    assert share(0, 0).exceeds(0.5) is None
