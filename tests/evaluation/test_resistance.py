import numpy as np
import pytest

from pyro_seatbelt.evaluation.resistance import best_covered, first_reached, resistance
from pyro_seatbelt.traces.coverage import covered_share

GRID = np.linspace(0, 1, 41)


def planted(half, steep=12.0):
    """A curve that covers half of the way at a known distortion."""
    raw = 1 / (1 + np.exp(-steep * (GRID - half)))
    return (raw - raw[0]) / (2 * (0.5 - raw[0])) if raw[-1] < 1 else raw


@pytest.mark.parametrize("half", [0.125, 0.3, 0.72])
def test_a_planted_curve_gives_the_resistance_it_was_made_of(half):
    covered = np.clip(GRID / (2 * half), 0, 1)
    rows = np.stack([GRID, GRID]), np.stack([covered, 0.3 * covered])
    assert resistance(*rows, 0.5) == pytest.approx(half, abs=1e-9)
    assert resistance(*rows, 0.25) == pytest.approx(half / 2, abs=1e-9)


def test_a_coarse_line_is_within_the_two_points_around_the_crossing():
    fine = planted(0.4)
    exact = resistance(GRID[None], fine[None], 0.5)
    coarse = resistance(GRID[None, ::5], fine[None, ::5], 0.5)
    assert exact == pytest.approx(0.4, abs=1e-3)
    assert 0.375 <= coarse <= 0.5


def test_the_best_line_counts_and_no_line_can_hurt():
    rng = np.random.default_rng(0)
    distortion = np.sort(rng.random((6, 9)), axis=1)
    covered = rng.random((6, 9))
    alone = [resistance(distortion[[row]], covered[[row]], 0.5) for row in range(6)]
    assert resistance(distortion, covered, 0.5) == min(alone)


def test_more_of_the_way_needs_no_less_distortion():
    rng = np.random.default_rng(1)
    for _ in range(50):
        distortion = np.sort(rng.random((3, 9)), axis=1)
        distortion[:, 0] = 0
        covered = rng.random((3, 9))
        covered[:, 0] = 0
        needed = [resistance(distortion, covered, share) for share in (0.1, 0.5, 0.9, 1.0)]
        assert needed == sorted(needed)
        assert needed[0] >= 0
        assert needed[-1] <= 1


def test_the_planted_solution_is_no_point_to_interpolate_to():
    """An attack that moves nothing must not look like a blend."""
    assert resistance(np.array([[0.0, 0.3]]), np.array([[0.0, 0.0]]), 0.5) == 1
    assert first_reached(np.array([[0.0, 0.3]]), np.array([[0.0, 0.0]]), 0.5)[0] == np.inf


def test_lines_that_are_longer_than_the_way_and_lines_with_gaps():
    assert resistance(np.array([[0.0, 2.0, 4.0]]), np.array([[0.0, 0.4, 1.0]]), 0.5) == 1
    gap = np.array([[0.0, np.nan, 0.8]])
    assert resistance(np.array([[0.0, 0.2, 0.4]]), gap, 0.4) == pytest.approx(0.3)


def test_without_a_way_there_is_no_resistance():
    assert np.isnan(covered_share([0.0, 1e-9], 1e-9, 4.0)).all()
    undefined = np.full((2, 3), np.nan)
    distortion = np.tile([0.0, 0.5, 1.0], (2, 1))
    assert np.isnan(resistance(distortion, undefined, 0.5))
    assert np.isnan(best_covered(distortion, undefined, GRID)).all()


def test_the_best_share_at_a_distortion_agrees_with_the_resistance():
    rng = np.random.default_rng(2)
    distortion = np.sort(rng.random((4, 9)), axis=1)
    distortion[:, 0] = 0
    covered = np.sort(rng.random((4, 9)), axis=1)
    covered[:, 0] = 0
    at = np.linspace(0, 0.999, 2000)
    best = best_covered(distortion, covered, at)
    assert (np.diff(best) >= 0).all()
    expected = resistance(distortion, covered, 0.5)
    assert at[(best >= 0.5).argmax()] == pytest.approx(expected, abs=1e-3)
