import numpy as np
import pytest

from pyro_seatbelt.drawn.sprites.outlines import ellipse, heart, square, squared_radii


@pytest.mark.parametrize("outline", [square, ellipse, heart])
def test_radii_enclose_the_area_of_the_polygon(outline):
    x, y = outline().T
    by_corners = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    by_sectors = float(squared_radii(outline(), 4096).sum()) * np.pi / 4096
    assert by_sectors == pytest.approx(by_corners, rel=1e-4)


def test_square_is_measured_straight_and_across():
    radii = squared_radii(square(), 8192).sqrt()
    assert float(radii.min()) == pytest.approx(9.6, rel=1e-5)
    assert float(radii.max()) == pytest.approx(9.6 * 2**0.5, rel=1e-3)


def test_ellipse_is_within_its_radii():
    radii = squared_radii(ellipse(), 1024).sqrt()
    assert 7.1 < float(radii.min()) < 7.31
    assert 12.6 < float(radii.max()) <= 12.8


def test_heart_is_symmetric():
    corners = heart()
    mirrored = corners * [-1, 1]
    assert {tuple(c) for c in (corners + 0.0).round(9)} == {
        tuple(c) for c in (mirrored + 0.0).round(9)
    }
