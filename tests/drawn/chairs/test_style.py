from collections import Counter

import pytest

from pyro_seatbelt.drawn.chairs.style import ARMS, BACKS, BASES, SEATS, chair_style

STYLES = [chair_style(identity) for identity in range(1393)]


def test_styles_never_change():
    first = STYLES[0]
    assert (first.base, first.back, first.arms, first.seat) == ("disc", "ladder", "loop", "round")
    assert first.width == pytest.approx(0.4692347776033834, rel=1e-9)
    assert STYLES[1392].back_curve == pytest.approx(0.043780763465543625, rel=1e-9)


def test_every_chair_is_another():
    assert len(set(STYLES)) == len(STYLES)


@pytest.mark.parametrize(
    ("kinds", "field"), [(BASES, "base"), (BACKS, "back"), (ARMS, "arms"), (SEATS, "seat")]
)
def test_every_kind_occurs_often_enough(kinds: tuple[str, ...], field: str):
    counts = Counter(getattr(style, field) for style in STYLES)
    assert set(counts) == set(kinds)
    assert min(counts.values()) > 60


def test_bases_follow_their_frequencies():
    counts = Counter(style.base for style in STYLES)
    for base, share in zip(BASES, (0.30, 0.20, 0.12, 0.08, 0.10, 0.12, 0.08), strict=True):
        spread = (share * (1 - share) / len(STYLES)) ** 0.5
        assert abs(counts[base] / len(STYLES) - share) < 4 * spread


def test_kinds_fit_each_other():
    for style in STYLES:
        if style.base == "club":
            assert style.arms == "solid"
            assert style.seat == "square"
            assert style.back in {"panel", "barrel", "upholstered"}
            assert style.upholstered
        elif style.arms == "solid":
            assert style.base in {"straight", "sled"}
            assert style.seat == "square"
            assert style.back in {"panel", "upholstered"}
        if style.back == "barrel" and style.base != "club":
            assert style.arms == "none"


def test_measures_are_in_range():
    for style in STYLES:
        assert 0.40 <= style.width <= 0.66
        assert 0.30 <= style.seat_height <= 0.50
        assert 0.30 <= style.back_height <= 0.72
        assert 3 <= style.num_slats <= 7
        assert style.base != "star" or style.seat_thickness >= 0.045
        assert style.plain in {style.frame, style.fabric}
