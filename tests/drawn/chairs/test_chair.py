import numpy as np
import pytest

from pyro_seatbelt.drawn import chairs
from pyro_seatbelt.drawn.chairs import AZIMUTHS, chair_factors, draw_chair
from pyro_seatbelt.drawn.chairs.style import ARMS, BACKS, BASES, SEATS, chair_style

GOLDEN = {
    0: (238.328, [255.0, 255.0, 226.9, 186.6, 159.4, 250.1, 255.0, 255.0]),
    4: (184.15, [255.0, 255.0, 181.8, 43.7, 47.2, 34.9, 255.0, 255.0]),
    700: (233.114, [255.0, 255.0, 202.6, 226.8, 190.1, 205.3, 255.0, 255.0]),
}


class TestPictures:
    def test_do_not_change(self):
        """Means of whole chairs and of blocks of 8x8 pixels; processors differ in last digits."""
        for identity, (mean, blocks) in GOLDEN.items():
            images = draw_chair(identity).astype(float)
            assert images.mean() == pytest.approx(mean, abs=0.05)
            coarse = images[1, 3].reshape(8, 8, 8, 8).mean((1, 3))
            assert np.diagonal(coarse).tolist() == pytest.approx(blocks, abs=1.0)

    def test_are_on_white_and_fill_the_picture(self):
        for identity in range(12):
            images = draw_chair(identity)
            assert (images[..., [0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
            drawn = (images < 250).mean((2, 3))
            assert ((drawn > 0.03) & (drawn < 0.7)).all()

    def test_views_differ(self):
        images = draw_chair(1).reshape(62, -1)
        assert len(np.unique(images, axis=0)) == 62

    def test_chosen_views_are_those_of_all(self):
        assert np.array_equal(draw_chair(2, azimuths=AZIMUTHS[4:6]), draw_chair(2)[:, 4:6])

    def test_a_higher_camera_sees_more_of_the_seat(self):
        areas = [(draw_chair(identity) < 250).mean((1, 2, 3)) for identity in range(10)]
        low, high = np.mean(areas, 0)
        assert high > low


class TestFactors:
    def test_count_through_the_views(self):
        factors = chair_factors(3)
        assert tuple(factors) == chairs.FACTORS
        numbers = np.arange(3 * 62)
        assert np.array_equal(factors["identity"], numbers // 62)
        assert np.array_equal(factors["elevation"], numbers // 31 % 2)
        assert np.array_equal(factors["azimuth"], numbers % 31)

    def test_name_the_style(self):
        factors = chair_factors(20)
        for number in (0, 400, 1239):
            style = chair_style(number // 62)
            assert BASES[factors["base"][number]] == style.base
            assert BACKS[factors["back"][number]] == style.back
            assert ARMS[factors["arms"][number]] == style.arms
            assert SEATS[factors["seat"][number]] == style.seat
