"""What is shown of an attack, and what that says."""

import math

import numpy as np
import pandas as pd
import pytest

from pyro_seatbelt.paper.pictures import first_shown, shown_problems
from pyro_seatbelt.runs.records import Findings


def findings(**columns):
    """Two pairs with three penalties each; every image is its own number."""
    table = pd.DataFrame(
        {
            "pair": [0, 0, 0, 1, 1, 1],
            "weight": [0.0, 1.0, 2.0] * 2,
            "value": [1.0, 2.0, 9.0, 5.0, 6.0, 7.0],
            "norm": 0.5,
            "target_nll": 10.0,
            "l2_target": [1.0, 3.0, 5.0, 2.0, 6.0, 8.0],
            "l2_clean": [9.0, 4.0, 1.0, 9.0, 4.0, 1.0],
            "l2_input_to_target": 4.0,
            "l2_clean_to_target": [4.0] * 3 + [8.0] * 3,
            "l2_best_to_target": 1.0,
            "stop": "gradient",
        }
    ).assign(**columns)
    images = ("adversarial", "distortion", "reconstruction")
    pairs = ("input", "target", "input_reconstruction", "target_reconstruction")
    return Findings(
        table,
        {name: np.full((6, 1, 2, 2), 10.0 * i) + rows(6) for i, name in enumerate(images)},
        {name: np.full((2, 1, 2, 2), 100.0 * i) + rows(2) for i, name in enumerate(pairs)},
    )


def rows(num):
    return np.arange(num, dtype=float)[:, None, None, None]


def test_the_first_pair_is_shown_where_its_objective_is_just_below_the_mean():
    shown = first_shown(findings())
    assert [float(each.max()) for each in shown[:6]] == [0, 200, 1, 11, 21, 100]
    assert shown.note == "λ 1, ||d|| 0.5, Δ 2"


def test_numbers_are_those_of_the_problems_that_are_shown():
    seen = shown_problems(findings())
    assert seen.rows["weight"].tolist() == [1.0, 1.0]
    assert seen.to_target == pytest.approx((3 / 4 + 6 / 8) / 2)
    assert (seen.resembling.value, seen.resembling.num) == (0.5, 2)  # 4 > 3, but 4 < 6


def test_where_nothing_was_found_nothing_is_known():
    retired = findings(stop="nan", value=math.nan)
    assert first_shown(retired) is None
    for found in (None, retired):
        seen = shown_problems(found)
        assert math.isnan(seen.to_target)
        assert math.isnan(seen.area)
        assert seen.resembling.num == len(seen.rows) == 0
