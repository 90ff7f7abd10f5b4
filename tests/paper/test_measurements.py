import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pyro_seatbelt.paper.claims import above, at_most
from pyro_seatbelt.paper.measurements import difference, mean, ratio, share


def test_the_interval_is_students():
    values = np.random.default_rng(0).normal(3, 2, 12)
    found = mean([*values, math.nan])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.num == 12


def test_few_values_have_no_interval():
    assert math.isnan(mean([]).value)
    found = mean([2.0])
    assert (found.value, found.num) == (2.0, 1)
    assert math.isnan(found.low)


def problems(values, pairs):
    return pd.DataFrame({"pair": pairs, "value": values})


def test_a_ratio_is_over_the_pairs_of_both_sides():
    one = problems([4.0, 8.0, 100.0], [0, 1, 2])
    other = problems([1.0, 3.0, 2.0, 50.0], [0, 0, 1, 3])
    found = ratio(one, other, "value")
    assert found.value == pytest.approx(6.0 / 2.0)
    assert (found.num, found.problems) == (2, 2)
    assert found.low <= found.value <= found.high
    assert found.numbers("high", "low")["high"] == 6.0


@pytest.mark.parametrize(("contrast", "compare"), [(ratio, np.divide), (difference, np.subtract)])
def test_two_pairs_drawn_again_are_four_draws(contrast, compare):
    """Both once in half of the draws, either of them twice in the others: those are the ends."""
    one, other = problems([6.0, 3.0], [0, 1]), problems([2.0, 2.0, 1.0], [0, 1, 1])
    found = contrast(one, other, "value")
    assert found.value == compare(4.5, 5 / 3)  # the mean over problems, not over pairs
    assert (found.low, found.high) == (compare(3.0, 1.5), compare(6.0, 2.0))


def test_the_interval_holds_the_pairs_together():
    rng = np.random.default_rng(1)
    base = rng.lognormal(0, 2, 40)
    same = ratio(problems(3 * base, range(40)), problems(base, range(40)), "value")
    assert (same.low, same.high) == pytest.approx((3.0, 3.0))  # every pair says the same
    other = ratio(
        problems(3 * rng.permutation(base), range(40)), problems(base, range(40)), "value"
    )
    assert other.high / other.low > 1.5


def test_nothing_in_common_is_not_known():
    found = ratio(problems([1.0], [0]), problems([1.0], [1]), "value")
    assert math.isnan(found.value)
    assert found.num == 0
    assert math.isnan(ratio(problems([1.0], [0]), problems([0.0], [0]), "value").value)
    retired = problems([math.nan, 2.0], [0, 1])
    assert ratio(retired, retired, "value").problems == 1


def test_one_pair_decides_nothing():
    one, other = problems([4.0, 5.0], [0, 0]), problems([1.0, 2.0], [0, 0])
    for found, bound in ((ratio(one, other, "value"), 1), (difference(one, other, "value"), 0)):
        assert found.value == 3.0
        assert above(found, bound) is None
        assert at_most(found, bound) is None


def test_a_difference_is_that_of_the_pairs_of_both_sides():
    rng = np.random.default_rng(2)
    base, noise = rng.normal(0, 10, 40), rng.normal(0, 0.1, 40)
    one = problems([*(base + 1 + noise), 1e6], range(41))
    found = difference(one, problems(base, range(40)), "value")
    expected = stats.ttest_rel(base + 1 + noise, base).confidence_interval(0.95)
    assert found.value == pytest.approx(1 + noise.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)
    assert found.num == 40
    assert above(found, 0) is True
    assert above(found, 1.5) is False
    assert at_most(found, 1.5) is True
    assert above(found, found.value) is None
    assert found.numbers("a", "b")["b"] == pytest.approx(base.mean())


def test_a_difference_is_known_where_a_ratio_is_not():
    one, other = problems([0.5, 0.7], [0, 1]), problems([0.1, -0.1], [0, 1])
    assert above(difference(one, other, "value"), 0) is True
    assert above(ratio(one, other, "value"), 1) is None
    assert math.isnan(difference(one, problems([1.0], [7]), "value").value)


def test_a_share_of_few_is_not_much_of_a_majority():
    assert above(share(2, 2), 0.5) is None
    assert above(share(8, 8), 0.5) is True
    assert above(share(0, 8), 0.5) is False
    assert above(share(0, 0), 0.5) is None
