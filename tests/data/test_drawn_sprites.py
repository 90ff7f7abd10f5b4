import math

import numpy as np
import pytest
import torch

from pyro_seatbelt.data import SpriteImages, load_dataset
from pyro_seatbelt.data.drawn_sprites import (
    FACTOR_SIZES,
    FACTORS,
    NUM_IMAGES,
    sprite_factors,
)
from pyro_seatbelt.drawn.sprite_outlines import ellipse, heart, square
from pyro_seatbelt.errors import InputError

OUTLINES = (square(), ellipse(), heart())
SAMPLE = torch.from_numpy(np.random.default_rng(0).integers(0, NUM_IMAGES, 60))


def slow_sprite(number: int) -> np.ndarray:
    """Put the outline where it belongs; from every pixel centre, count crossings to the right."""
    shape, scale, orientation, column, row = np.unravel_index(number, FACTOR_SIZES)
    angle = np.linspace(0, 2 * math.pi, 40)[orientation]
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    centre = 16 + 32 * np.linspace(0, 1, 32)[[column, row]]
    outline = OUTLINES[shape] * np.linspace(0.5, 1, 6)[scale] @ turn + centre
    y, x = np.indices((64, 64)) + 0.5
    inside = np.zeros((64, 64), bool)
    for (xa, ya), (xb, yb) in zip(outline, np.roll(outline, -1, 0), strict=True):
        if ya != yb:
            inside ^= ((ya > y) != (yb > y)) & (x < xa + (y - ya) / (yb - ya) * (xb - xa))
    return inside * np.uint8(255)


def test_match_slow_obvious_ones():
    fast = SpriteImages().gather(SAMPLE)[:, 0].numpy()
    wrong = [
        int((slow_sprite(int(n)) != image).sum()) for n, image in zip(SAMPLE, fast, strict=False)
    ]
    assert max(wrong) <= 2  # centres within a hundredth of a pixel of the outline
    assert np.mean(wrong) < 0.3


def test_factors_are_those_of_the_published_order():
    expected = np.stack(np.unravel_index(SAMPLE.numpy(), FACTOR_SIZES), -1)
    assert np.array_equal(sprite_factors(SAMPLE).numpy(), expected)


def test_values_are_black_and_white():
    images = SpriteImages().gather(SAMPLE)
    assert images.unique().tolist() == [0, 255]
    assert (images.flatten(1).float().mean(1) > 0).all()


def test_bigger_scale_is_bigger_and_position_is_position():
    stride = np.array([6 * 40 * 1024, 40 * 1024, 1024, 32, 1])
    base = np.array([1, 0, 7, 0, 0])
    numbers = [int((base + np.array([0, scale, 0, 0, 0])) @ stride) for scale in range(6)]
    areas = SpriteImages().gather(torch.tensor(numbers)).float().sum((1, 2, 3))
    assert (areas.diff() > 0).all()
    corners = [int((base + np.array([0, 0, 0, x, y])) @ stride) for x, y in ((31, 0), (0, 31))]
    right, low = (
        SpriteImages().gather(torch.tensor([corner]))[0, 0].nonzero().float().mean(0)
        for corner in corners
    )
    assert right.tolist() == pytest.approx([15.5, 47.5], abs=0.6)
    assert low.tolist() == pytest.approx([47.5, 15.5], abs=0.6)


def test_first_and_last_orientation_are_the_same():
    numbers = torch.tensor([[0, 39], [6 * 40 * 1024, 6 * 40 * 1024 + 39 * 1024]])
    numbers[0] *= 1024
    for pair in numbers:
        first, last = SpriteImages().gather(pair)
        assert (first != last).sum() <= 2


class TestKeepingSome:
    def test_covers_all_factors_evenly(self):
        dataset = load_dataset("synth-dsprites", ids=7200)
        for name, size in zip(FACTORS, FACTOR_SIZES, strict=True):
            counts = np.bincount(dataset.factors[name], minlength=size)
            assert counts.min() > 0.8 * counts.mean()
            assert counts.max() < 1.2 * counts.mean()

    def test_factors_are_those_of_the_images(self):
        dataset = load_dataset("synth-dsprites", ids=50)
        weights = np.cumprod([1, *FACTOR_SIZES[:0:-1]])[::-1]
        numbers = sum(w * dataset.factors[name] for w, name in zip(weights, FACTORS, strict=True))
        whole = SpriteImages().gather(torch.from_numpy(numbers))
        assert torch.equal(dataset.images.gather(torch.arange(50)), whole)
        assert len(set(numbers.tolist())) == 50

    def test_fewer_are_the_beginning_of_more(self):
        indices = torch.arange(30)
        assert torch.equal(SpriteImages(30).gather(indices), SpriteImages(90).gather(indices))

    @pytest.mark.parametrize("ids", [0, -1, NUM_IMAGES + 1])
    def test_out_of_range(self, ids: int):
        with pytest.raises(InputError, match=f"expected ids from 1 to 737280 .* got {ids}"):
            load_dataset("synth-dsprites", ids=ids)


class TestDataset:
    def test_whole(self):
        dataset = load_dataset("synth-dsprites")
        assert dataset.num_images == 737_280
        assert dataset.identities[-1] == 737_279
        assert dataset.factors["position_y"].max() == 31
        assert dataset.synthetic

    def test_fingerprint_is_the_same_again_and_differs_by_number(self):
        first, again, other = (load_dataset("synth-dsprites", ids=n).fingerprint for n in (9, 9, 8))
        assert first == again
        assert first != other

    def test_split(self):
        train, heldout = load_dataset("synth-dsprites", ids=1000).split()
        assert (len(train), len(heldout)) == (900, 100)


@pytest.mark.parametrize("index", [-1, NUM_IMAGES])
def test_index_out_of_range(index: int):
    with pytest.raises(IndexError, match="expected indices from 0 to 737279"):
        SpriteImages().gather(torch.tensor([index]))
