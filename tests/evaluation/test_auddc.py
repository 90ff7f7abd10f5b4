import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyro_seatbelt.evaluation.auddc import auddc, curves, distortion_curve


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
    table = pd.DataFrame({name: rng.random(12) for name in ("norm", "l2_target")})
    table["pair"] = np.repeat([0, 1, 2], 4)
    table["l2_input_to_target"] = 2.0
    table["l2_clean_to_target"] = 1.0
    table["l2_best_to_target"] = 0.1
    return table


def test_auddc_is_the_mean_over_pairs(table):
    areas = [curve.area for curve in curves(table).values()]
    estimate = auddc(table)
    assert estimate is not None
    assert estimate.mean == pytest.approx(np.mean(areas))
    assert estimate.num == 3
    table.loc[table["pair"] == 1, "l2_best_to_target"] = 5.0  # reconstructs nothing
    assert auddc(table).num == 2


def test_without_a_model_there_is_no_curve(table):
    bare = table.drop(columns=["l2_best_to_target", "l2_clean_to_target"])
    assert curves(bare) == {}
    assert auddc(bare) is None
