import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pyro_seatbelt.evaluation.attack_results import (
    QUANTITIES,
    auddc,
    curves,
    distortion_curve,
    shown,
    summarise,
)


def slow_area(points, limit, clean, best):
    """The published steps, one after another."""
    normalised = [(d / limit, (r - best) / (clean - best)) for d, r in points]
    normalised = sorted(
        [point for point in normalised if point[0] <= 1], key=lambda point: (point[0], -point[1])
    )
    if not normalised or normalised[0][0] > 0:
        normalised = [(0.0, 1.0), *normalised]
    lowest = min(y for _, y in normalised)
    normalised += [(normalised[-1][0], lowest), (1.0, lowest)]
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(normalised):
        area += (x1 - x0) * (y0 + y1) / 2
    return area


@given(
    st.lists(st.tuples(st.floats(0, 12), st.floats(0, 9)), min_size=0, max_size=12),
    st.booleans(),
)
def test_area_agrees_with_slow_code(points, with_zero):
    points = [(0.0, 8.0), *points] if with_zero else points
    curve = distortion_curve(
        [d for d, _ in points],
        [r for _, r in points],
        l2_input_to_target=10.0,
        l2_clean_to_target=8.0,
        l2_best_to_target=2.0,
    )
    assert curve.area == pytest.approx(slow_area(points, 10.0, 8.0, 2.0))
    assert (np.diff(curve.distortion) >= 0).all()
    assert curve.distortion[0] == 0
    assert curve.distortion[-1] == 1


def test_the_ends_of_the_scale():
    limits = {"l2_input_to_target": 4.0, "l2_clean_to_target": 3.0, "l2_best_to_target": 1.0}
    assert distortion_curve([0.0, 4.0], [3.0, 3.0], **limits).area == 1
    assert distortion_curve([0.0, 0.0], [3.0, 1.0], **limits).area == 0
    nan = distortion_curve([0.0, math.nan], [3.0, math.nan], **limits)
    assert nan.area == 1
    hopeless = distortion_curve([0.0], [3.0], **{**limits, "l2_best_to_target": 3.0})
    assert math.isnan(hopeless.area)


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
    low, high = stats.t.interval(0.95, 10, kept.mean(), stats.sem(kept))
    assert (estimate.low, estimate.high) == pytest.approx((low, high))
    means = [kept[:4].mean(), kept[4:8].mean(), kept[8:].mean()]
    low, high = stats.t.interval(0.95, 2, np.mean(means), stats.sem(means))
    assert (estimate.pairs_low, estimate.pairs_high) == pytest.approx((low, high))


def test_one_problem_has_a_mean_and_no_interval(table):
    estimate = summarise(table[:1])["value"]
    assert estimate.mean == table["value"][0]
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.pairs_high)


def test_without_a_model_what_needs_one_is_left_out(table):
    bare = table.drop(columns=["l2_best_to_target", "l2_clean_to_target"])
    bare["target_nll"] = None
    assert "target_nll" not in summarise(bare)
    assert curves(bare) == {}
    assert auddc(bare) is None


def test_auddc_is_the_mean_over_pairs(table):
    areas = [curve.area for curve in curves(table).values()]
    estimate = auddc(table)
    assert estimate is not None
    assert estimate.mean == pytest.approx(np.mean(areas))
    assert estimate.num == 3
    table.loc[table["pair"] == 1, "l2_best_to_target"] = 5.0  # reconstructs nothing
    assert auddc(table).num == 2


def test_shown_is_the_largest_objective_not_above_the_mean(table):
    for pair, row in shown(table).items():
        values = table["value"][(table["pair"] == pair) & (table["stop"] != "nan")]
        better = [value for value in values if value <= values.mean()]
        assert table["value"][row] == max(better)
        assert table["pair"][row] == pair
    equal = pd.DataFrame({"pair": [3] * 3, "value": [0.1] * 3})
    assert shown(equal)[3] in range(3)
    assert shown(equal.assign(value=np.nan)) == {}
