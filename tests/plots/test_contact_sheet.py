import numpy as np
import pytest

from pyro_seatbelt.plots import contact_sheet


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_is_there(channels: int):
    images = np.random.default_rng(0).integers(0, 256, (5, channels, 6, 8), dtype=np.uint8)
    sheet = np.asarray(contact_sheet(images, columns=3))
    assert sheet.shape == (8 + 6 + 2 + 6 + 8, 8 + 3 * 10 - 2 + 8, 3)
    for number, image in enumerate(images):
        top, left = 8 + number // 3 * 8, 8 + number % 3 * 10
        shown = sheet[top : top + 6, left : left + 8].transpose(2, 0, 1)
        assert np.array_equal(shown, np.broadcast_to(image, (3, 6, 8)))
    assert (sheet[16:22, 28:36] == 255).all()  # no sixth image


def test_zoom_and_title():
    images = np.zeros((2, 1, 8, 8), np.uint8)
    plain, titled = (
        np.asarray(contact_sheet(images, columns=2, zoom=3, title=t)) for t in ("", "A")
    )
    assert plain.shape == (40, 66, 3)
    assert (plain[8:32, 8:32] == 0).all()
    assert titled.shape == (56, 66, 3)
    assert np.array_equal(titled[24:48, 8:], plain[8:32, 8:])
    assert (titled[:20] < 255).any()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 2, 8, 8), np.uint8),
        np.zeros((2, 8, 8), np.uint8),
        np.zeros((0, 1, 8, 8), np.uint8),
        np.zeros((2, 1, 8, 8)),
    ],
)
def test_other_shapes(images: np.ndarray):
    with pytest.raises(ValueError, match="expected images of"):
        contact_sheet(images, columns=2)
