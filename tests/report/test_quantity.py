import math

import pytest

from pyro_seatbelt.report.quantity import between, measured, quantity, size


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (-0.5, "\u22120.5"),
        (60, "60"),
        (999.96, "1000"),
        (12345.6, "12\u202f346"),
        (1e9, "1\u00d710\u2079"),
        (-0.00012346, "\u22121.235\u00d710\u207b\u2074"),
        (math.nan, "\u2013"),
        (-math.inf, "\u2013"),
        (None, "\u2013"),
        (10**400, "\u221e"),
        (True, "True"),
        ("z1 10", "z1 10"),
    ],
)
def test_numbers_are_short(value, text):
    assert quantity(value) == text


def test_zeros_that_were_measured_stay():
    assert measured(9.5004) == "9.500"
    assert measured(9.5) == "9.5"
    assert quantity(9.5004) == "9.5"


def test_an_end_that_is_not_known_leaves_no_interval():
    assert between(math.nan, 2.0) == between(1.0, math.inf) == ""
    assert between(1.0, 2.0) == "1 to 2"


def test_sizes():
    assert [size(each) for each in (1, 1400, 15_000_000)] == ["1 kB", "1 kB", "15.0 MB"]
