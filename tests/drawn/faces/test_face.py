import numpy as np
import pytest

from pyro_seatbelt.drawn.faces import (
    AZIMUTHS,
    ELEVATIONS,
    FACTORS,
    LAMPS,
    draw_face,
    face_factors,
)

GOLDEN = {
    0: (44.579, [0.0, 0.0, 93.5, 133.6, 131.5, 95.5, 0.0, 0.0]),
    11: (44.921, [0.0, 29.8, 125.3, 147.9, 149.4, 127.7, 31.7, 0.0]),
    49: (46.607, [0.0, 21.8, 119.3, 140.2, 140.1, 119.2, 21.3, 0.0]),
}


def some(identity: int) -> np.ndarray:
    """Nine views under three lamps."""
    return draw_face(
        identity, azimuths=AZIMUTHS[::10], elevations=ELEVATIONS[::5], lamps=LAMPS[::5]
    )


def test_pictures_do_not_change():
    """Means of many and of blocks of 8x8 pixels; processors differ in last digits."""
    for identity, (mean, blocks) in GOLDEN.items():
        images = some(identity).astype(float)
        assert images.mean() == pytest.approx(mean, abs=0.05)
        coarse = images[1, 1, 1].reshape(8, 8, 8, 8).mean((1, 3))
        assert coarse[3].tolist() == pytest.approx(blocks, abs=1.0)


def test_are_on_black_and_fill_the_picture():
    for identity in range(6):
        images = some(identity)
        assert (images[..., [0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()
        drawn = (images > 0).mean((-1, -2))
        assert ((drawn > 0.2) & (drawn < 0.7)).all()


def test_every_factor_shows():
    images = some(1).astype(float)
    for axis in range(3):
        first, last = np.take(images, 0, axis), np.take(images, -1, axis)
        assert np.abs(first - last).mean((-1, -2)).min() > 3
    assert np.abs(images - some(2)).mean() > 3


def test_nearly_symmetric_from_the_front():
    images = draw_face(3, azimuths=np.zeros(1), elevations=np.zeros(1), lamps=np.array([-40.0, 40]))
    left, right = images[0, 0].astype(float)
    assert np.abs(left - right[:, ::-1]).mean() < 0.15 * left.mean()


def test_factors_count_through_the_views():
    factors = face_factors(3)
    assert tuple(factors) == FACTORS
    numbers = np.arange(3 * 2541)
    assert np.array_equal(factors["identity"], numbers // 2541)
    assert np.array_equal(factors["azimuth"], numbers // 121 % 21)
    assert np.array_equal(factors["elevation"], numbers // 11 % 11)
    assert np.array_equal(factors["light"], numbers % 11)
