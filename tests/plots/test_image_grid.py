import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torchvision.utils import make_grid

from pyro_seatbelt.plots.image_grid import image_grid, show_image


@pytest.mark.parametrize("columns", [1, 2, 3, 5])
@pytest.mark.parametrize("gap", [1, 2])
def test_it_is_the_grid_of_torchvision_without_its_margin(columns, gap):
    images = np.random.default_rng(0).random((5, 3, 4, 6))
    grid = image_grid(images, columns=columns, gap=gap, background=0.25)
    batch = torch.from_numpy(images)
    expected = make_grid(batch, nrow=columns, padding=gap, pad_value=0.25).permute(1, 2, 0).numpy()
    assert np.array_equal(grid, expected[gap:-gap, gap:-gap])


def test_bytes_stay_bytes_and_short_rows_are_filled_up():
    images = np.zeros((1, 1, 2, 2), np.uint8)
    grid = image_grid(images, columns=3, gap=0, background=255)
    assert grid.dtype == np.uint8
    assert grid[..., 0].tolist() == [[0, 0, 255, 255, 255, 255]] * 2


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_shown_as_they_are(channels):
    ax = Figure().subplots()
    image = np.linspace(-0.5, 1.5, 12 * channels).reshape(3, 4, channels)
    show_image(ax, image)
    [shown] = ax.images
    assert np.asarray(shown.get_array()).reshape(image.shape) == pytest.approx(image.clip(0, 1))
    assert shown.get_clim() == (0, 1)
    assert not any(spine.get_visible() for spine in ax.spines.values())
    assert not len(ax.get_xticks())
