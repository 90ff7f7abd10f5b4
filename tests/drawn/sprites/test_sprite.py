import math

import numpy as np
import pytest
import torch

from pyro_seatbelt.drawn.sprites import (
    FACTOR_SIZES,
    NUM_IMAGES,
    draw_sprites,
    shape_radii,
    sprite_factors,
)
from pyro_seatbelt.drawn.sprites.outlines import ellipse, heart, square

OUTLINES = (square(), ellipse(), heart())
SAMPLE = torch.from_numpy(np.random.default_rng(0).integers(0, NUM_IMAGES, 60))


def draw(numbers: torch.Tensor) -> torch.Tensor:
    return draw_sprites(numbers, shape_radii())


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
    fast = draw(SAMPLE)[:, 0].numpy()
    wrong = [
        int((slow_sprite(int(n)) != image).sum()) for n, image in zip(SAMPLE, fast, strict=False)
    ]
    assert max(wrong) <= 2  # centres within a hundredth of a pixel of the outline
    assert np.mean(wrong) < 0.3


def test_factors_are_those_of_the_published_order():
    expected = np.stack(np.unravel_index(SAMPLE.numpy(), FACTOR_SIZES), -1)
    assert np.array_equal(sprite_factors(SAMPLE).numpy(), expected)


def test_values_are_black_and_white():
    images = draw(SAMPLE)
    assert images.unique().tolist() == [0, 255]
    assert (images.flatten(1).float().mean(1) > 0).all()


def test_bigger_scale_is_bigger_and_position_is_position():
    stride = np.array([6 * 40 * 1024, 40 * 1024, 1024, 32, 1])
    base = np.array([1, 0, 7, 0, 0])
    numbers = [int((base + np.array([0, scale, 0, 0, 0])) @ stride) for scale in range(6)]
    areas = draw(torch.tensor(numbers)).float().sum((1, 2, 3))
    assert (areas.diff() > 0).all()
    corners = [int((base + np.array([0, 0, 0, x, y])) @ stride) for x, y in ((31, 0), (0, 31))]
    right, low = (
        draw(torch.tensor([corner]))[0, 0].nonzero().float().mean(0) for corner in corners
    )
    assert right.tolist() == pytest.approx([15.5, 47.5], abs=0.6)
    assert low.tolist() == pytest.approx([47.5, 15.5], abs=0.6)


def test_first_and_last_orientation_are_the_same():
    numbers = torch.tensor([[0, 39], [6 * 40 * 1024, 6 * 40 * 1024 + 39 * 1024]])
    numbers[0] *= 1024
    for pair in numbers:
        first, last = draw(pair)
        assert (first != last).sum() <= 2
