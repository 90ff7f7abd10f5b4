import numpy as np
import pytest

from pyro_seatbelt.plots import attack_panels
from pyro_seatbelt.plots.attack_panels import PANELS, normalised


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_is_in_its_panel(channels):
    rng = np.random.default_rng(0)
    batches = [rng.random((3, channels, 8, 8)) for _ in PANELS]
    batches[3] = batches[3] / 100 - 0.005
    figure = attack_panels(*batches, labels=["a", "b", "c"], title="a title")
    assert len(figure.axes) == 18
    drawn = [ax.get_title().replace("\n", " ") for ax in figure.axes[:6]]
    assert tuple(drawn) == PANELS
    shown = [np.asarray(ax.images[0].get_array()) for ax in figure.axes]
    for column, batch in enumerate(batches):
        expected = normalised(batch) if column == 3 else batch
        for row in range(3):
            image = shown[6 * row + column].reshape(8, 8, channels)
            assert image == pytest.approx(expected[row].transpose(1, 2, 0))
    assert [figure.axes[6 * row].get_ylabel() for row in range(3)] == ["a", "b", "c"]


def test_a_distortion_fills_the_range_and_none_is_grey():
    distortions = np.zeros((2, 1, 2, 2))
    distortions[0, 0, 0] = 1e-6, -2e-6
    scaled = normalised(distortions)
    assert scaled[0, 0].tolist() == [[0.75, 0.0], [0.5, 0.5]]
    assert (scaled[1] == 0.5).all()


@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 2, 8, 8)])
def test_only_grey_and_colour_images_are_drawn(shape):
    images = np.zeros(shape)
    with pytest.raises(ValueError, match="expected input images of shape"):
        attack_panels(*[images if i != 3 else np.zeros((2, 1, 8, 8)) for i in range(6)])


def test_shapes_must_agree():
    images = np.zeros((2, 1, 8, 8))
    with pytest.raises(ValueError, match="expected target images of shape"):
        attack_panels(*[images] * 5, images[:1])
