import numpy as np
import pytest

from pyro_seatbelt.plots import image_rows


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_is_in_its_row(channels):
    images = np.random.default_rng(0).random((4, channels, 8, 8))
    figure = image_rows({"input": images, "VAE": 1 - images[:2]}, columns=list("abcd"), title="t")
    top, bottom = (np.asarray(ax.images[0].get_array()) for ax in figure.axes)
    tile = top.reshape(8, -1, channels)[:, 9:17]
    assert tile == pytest.approx(images[1].transpose(1, 2, 0))
    assert bottom.reshape(8, -1, channels)[:, 9:17] == pytest.approx(1 - tile)
    assert (bottom.reshape(8, -1, channels)[:, 18:] == 1).all()  # no image there
    assert [ax.get_ylabel() for ax in figure.axes] == ["input", "VAE"]
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == list("abcd")


@pytest.mark.parametrize("shape", [(6, 8, 8), (6, 2, 8, 8), (0, 1, 8, 8)])
def test_other_shapes(shape):
    with pytest.raises(ValueError, match="expected VAE images of shape"):
        image_rows({"VAE": np.zeros(shape)})


def test_no_row():
    with pytest.raises(ValueError, match="expected one row"):
        image_rows({})
