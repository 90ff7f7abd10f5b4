import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pyro_seatbelt.report.sprite import make_sprite


def pixels(sprite):
    content = base64.b64decode(sprite.source.removeprefix("data:image/webp;base64,"))
    assert len(content) == sprite.num_bytes
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == sprite.size
        return np.asarray(picture.convert("RGB"))


def cut(sprite, cell):
    x, y, width, height = map(int, sprite.window(cell).split())
    return pixels(sprite)[y : y + height, x : x + width].transpose(2, 0, 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 50), st.integers(1, 12), st.sampled_from([1, 3]))
def test_every_image_comes_back_pixel_by_pixel(count, kinds, channels):
    rng = np.random.default_rng(count)
    drawn = rng.integers(0, 256, (kinds, channels, 6, 9), dtype=np.uint8)
    images = [drawn[number % kinds] for number in range(count)]
    sprite, cells = make_sprite(images)
    assert sprite.num == len(set(cells)) <= min(count, kinds)
    for image, cell in zip(images, cells, strict=True):
        assert np.array_equal(cut(sprite, cell), np.broadcast_to(image, (3, 6, 9)))


def test_wide_images_fit_into_a_picture():
    images = [np.full((1, 2, 4000), grey, np.uint8) for grey in range(6)]
    sprite, cells = make_sprite(images)
    assert sprite.size == (16000, 4)
    assert cut(sprite, cells[5])[0, 0, 0] == 5


def test_a_loss_makes_it_smaller_and_hardly_different():
    rng = np.random.default_rng(0)
    smooth = np.linspace(0, 200, 64)[None, None, :] + rng.normal(0, 8, (20, 1, 64, 64))
    images = list(smooth.clip(0, 255).astype(np.uint8))
    whole, _ = make_sprite(images)
    packed, cells = make_sprite(images, quality=60)
    assert packed.num_bytes < whole.num_bytes / 2
    off = np.abs(cut(packed, cells[3])[0].astype(float) - images[3][0])
    assert off.mean() < 12


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], r"of one shape, got \[\]"),
        ([np.zeros((1, 4, 4), np.uint8), np.zeros((1, 5, 4), np.uint8)], "of one shape"),
        ([np.zeros((1, 4, 4))], "expected uint8 images"),
        ([np.zeros((2, 4, 4), np.uint8)], r"C = 1 or 3, got \(2, 4, 4\)"),
    ],
)
def test_other_images_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        make_sprite(images)
