import pytest

from pyro_seatbelt.board.standings import _verdict
from pyro_seatbelt.runs.robustness_comparison import Model
from pyro_seatbelt.runs.robustness_numbers import MedianInterval


def model(r50=0.3, failed=()):
    median = MedianInterval(median=r50, low=None, high=None, num=3)
    return Model("m", (), {"r50": median}, (0.01,), (10.0,), (-5.0,), 0, failed, {})


def gain(low, high):
    return MedianInterval(median=(low + high) / 2, low=low, high=high, num=24)


@pytest.mark.parametrize(
    ("low", "high", "ratio", "expected"),
    [
        (0.01, 0.2, 1.0, "resists"),
        (0.01, 0.2, 1.1, "resists"),
        (0.01, 0.2, 1.11, "at a price"),
        (-0.01, 0.2, 0.9, "undecided"),
        (0.0, 0.2, 0.9, "undecided"),
        (-0.2, 0.0, 0.9, "undecided"),
        (-0.2, -0.01, 0.5, "weaker"),
    ],
)
def test_an_entry_resists_by_its_whole_interval_and_its_price(low, high, ratio, expected):
    assert _verdict(model(), gain(low, high), ratio) == expected


def test_no_verdict_where_the_attack_is_broken_or_there_is_nothing_to_cover():
    assert _verdict(model(failed=("blend",)), gain(0.1, 0.2), 1.0) == "attack failed"
    assert _verdict(model(r50=None), gain(0.1, 0.2), 1.0) == "undefined"
    assert _verdict(model(), None, 1.0) == ""
