import math

import pytest

from pyro_seatbelt.report.attacks import AttackSection
from pyro_seatbelt.report.pair_view import Problem
from pyro_seatbelt.report.parts import Table
from pyro_seatbelt.report.viewer import readings, script_data, spoken


def problem(**changes):
    numbers = dict.fromkeys(
        ("weight", "value", "distance", "norm", "target_nll", "l2_target", "l2_clean"), 1.0
    )
    return Problem(**{**numbers, "stop": "zero", "cells": (0, 0, 0), **changes})


def test_what_is_not_known_is_a_dash():
    numbers = readings(problem(value=math.nan, stop="nan"))
    assert numbers[0] == "\u2013"
    assert numbers[-1] == "given up: not finite"
    assert readings(problem(stop=""))[-1] == "\u2013"
    assert readings(problem(stop="boredom"))[-1] == "boredom"


@pytest.mark.parametrize(("shown", "end"), [(True, "4.2, the paper's choice"), (False, "4.2")])
def test_what_a_screen_reader_says(shown, end):
    assert spoken(problem(weight=0.031, norm=4.2), shown=shown) == f"lambda 0.031, |d| {end}"


def test_an_attack_without_pairs_has_nothing_to_look_at():
    summary = Table(caption="", headings=(), rows=())
    section = AttackSection(label="a", facts=(), summary=summary, chart=None, pairs=())
    assert script_data("run-1", [section]) == []
