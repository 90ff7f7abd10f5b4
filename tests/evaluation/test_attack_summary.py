import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pyro_seatbelt.evaluation.attack_summary import QUANTITIES, shown_rows, summarise


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({name: rng.random(12) for name in QUANTITIES})
    table["pair"] = np.repeat([0, 1, 2], 4)
    table["stop"] = ["value"] * 11 + ["nan"]
    table.loc[11, list(QUANTITIES)] = np.nan
    table["l2_input_to_target"] = 2.0
    table["l2_clean_to_target"] = 1.0
    table["l2_best_to_target"] = 0.1
    return table


def test_estimates_agree_with_scipy_and_leave_out_what_was_retired(table):
    summary = summarise(table)
    assert list(summary) == list(QUANTITIES)
    kept = table["norm"][:11]
    estimate = summary["norm"]
    assert estimate.num == 11
    assert estimate.mean == pytest.approx(kept.mean())

    def log_interval(values):
        error = stats.sem(values) / np.mean(values)  # of the logarithm of the mean
        return np.exp(stats.t.interval(0.95, len(values) - 1, np.log(np.mean(values)), error))

    assert (estimate.low, estimate.high) == pytest.approx(log_interval(kept))
    means = [kept[:4].mean(), kept[4:8].mean(), kept[8:].mean()]
    assert (estimate.pairs_low, estimate.pairs_high) == pytest.approx(log_interval(means))
    nll = table["target_nll"][:11]
    low, high = stats.t.interval(0.95, 10, nll.mean(), stats.sem(nll))
    assert (summary["target_nll"].low, summary["target_nll"].high) == pytest.approx((low, high))


def test_intervals_of_lengths_are_lengths(table):
    table["norm"], table["l2_target"] = [0.0] * 11 + [50.0], 0.0
    table["stop"] = "value"
    estimate = summarise(table)["norm"]
    assert 0 < estimate.low < estimate.mean < estimate.high
    assert 0 < estimate.pairs_low < estimate.mean < estimate.pairs_high
    assert summarise(table)["l2_target"][:5] == (0, 0, 0, 0, 0)


def test_one_problem_has_a_mean_and_no_interval(table):
    estimate = summarise(table[:1])["value"]
    assert estimate.mean == table["value"][0]
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.pairs_high)


def test_without_a_model_what_needs_one_is_left_out(table):
    bare = table.drop(columns=["l2_best_to_target", "l2_clean_to_target"])
    bare["target_nll"] = None
    assert "target_nll" not in summarise(bare)


def test_shown_is_the_largest_objective_not_above_the_mean(table):
    for pair, row in shown_rows(table).items():
        values = table["value"][(table["pair"] == pair) & (table["stop"] != "nan")]
        better = [value for value in values if value <= values.mean()]
        assert table["value"][row] == max(better)
        assert table["pair"][row] == pair
    equal = pd.DataFrame({"pair": [3] * 3, "value": [0.1] * 3})
    assert shown_rows(equal)[3] in range(3)
    assert shown_rows(equal.assign(value=np.nan)) == {}
