import numpy as np
import pytest

from pyro_seatbelt.plots import traversal_grid


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_is_where_it_belongs(channels):
    images = np.random.default_rng(0).random((4, 5, channels, 8, 8))
    [ax] = traversal_grid(images, range(5), labels=list("abcd"), title="a title").axes
    sheet = np.asarray(ax.images[0].get_array()).reshape(35, 44, channels)
    assert sheet[9:17, 18:26] == pytest.approx(images[1, 2].transpose(1, 2, 0))
    assert (sheet[8] == 1).all()
    assert [text.get_text() for text in ax.get_yticklabels()] == list("abcd")
    assert ax.get_yticks()[1] == 13


def test_ticks_tell_values_and_numbers_of_dimensions():
    images = np.random.default_rng(0).random((2, 13, 1, 8, 8))
    [ax] = traversal_grid(images, np.linspace(-3, 3, 13)).axes
    values = {float(text.get_text()) for text in ax.get_xticklabels()}
    assert values == {-3, -2, -1, 0, 1, 2, 3}
    centres = (ax.get_xticks() - 4) / 9
    assert centres == pytest.approx([0, 2, 4, 6, 8, 10, 12])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0", "1"]


def test_shapes_must_fit():
    with pytest.raises(ValueError, match=r"\(dimensions, values, C, H, W\)"):
        traversal_grid(np.zeros((2, 3, 2, 8, 8)), range(3))
    with pytest.raises(ValueError, match="expected 3 values and 2 labels, got 4 and 2"):
        traversal_grid(np.zeros((2, 3, 1, 8, 8)), range(4))
