import numpy as np
import pytest

from pyro_seatbelt.plots import reconstruction_grid


@pytest.fixture
def batch():
    return np.random.default_rng(0).random((6, 1, 8, 8))


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_is_where_it_belongs(channels):
    images = np.random.default_rng(0).random((4, channels, 8, 8))
    figure = reconstruction_grid(images, 1 - images, images[:2], title="a title")
    top, middle, bottom = (np.asarray(ax.images[0].get_array()) for ax in figure.axes)
    tile = top.reshape(8, -1, channels)[:, 9:17]
    assert tile == pytest.approx(images[1].transpose(1, 2, 0))
    assert middle.reshape(8, -1, channels)[:, 9:17] == pytest.approx(1 - tile)
    assert (bottom.reshape(8, -1, channels)[:, 18:] == 1).all()  # no sample there
    assert top.shape == bottom.shape


def test_samples_are_drawn_if_there_are_any(batch):
    figure = reconstruction_grid(batch, batch)
    assert [ax.get_ylabel() for ax in figure.axes] == ["input", "reconstruction"]


def test_shapes_must_agree(batch):
    with pytest.raises(ValueError, match=r"expected reconstructions of shape \(6, 1, 8, 8\)"):
        reconstruction_grid(batch, batch[:3])


@pytest.mark.parametrize("shape", [(6, 8, 8), (6, 2, 8, 8), (0, 1, 8, 8)])
def test_only_grey_and_colour_images_are_drawn(shape):
    with pytest.raises(ValueError, match=r"expected input images of shape \(n, C, H, W\)"):
        reconstruction_grid(np.zeros(shape), np.zeros(shape))
