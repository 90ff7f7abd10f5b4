import math

import numpy as np
import pytest
from matplotlib.colors import LogNorm, Normalize, to_rgb

from pyro_seatbelt.plots import Heatmap, heatmap_rows


@pytest.fixture
def rows():
    wide = np.array([[1.0, 20.0, 300.0], [2.0, 4000.0, 1e7]])
    narrow = np.array([[600.0, 610.0, 620.0], [630.0, math.nan, 650.0]])
    return [
        ("latent [nats]", [Heatmap("(a) one", wide, [1, 4], ["1", "4", "10"])] * 2),
        ("output [nats]", [Heatmap("(b) other", narrow, [1, 4], ["1", "4", "10"])]),
    ]


def test_cells_hold_the_numbers_and_the_first_row_is_at_the_bottom(rows):
    figure = heatmap_rows(rows, xlabel="beta", ylabel="L", title="a title")
    first, _, third = (ax for ax in figure.axes if ax.images and ax.get_visible())
    assert (first.get_title(), first.get_xlabel(), first.get_ylabel()) == ("(a) one", "beta", "L")
    texts = [text.get_text() for text in first.texts]
    assert texts == ["1", "20", "300", "2", "4000", "1.0e7"]
    low, high = first.get_ylim()
    assert low < high
    assert [label.get_text() for label in first.get_yticklabels()] == ["1", "4"]
    assert [label.get_text() for label in first.get_xticklabels()] == ["1", "4", "10"]
    assert [text.get_text() for text in third.texts][4] == "\u2013"


def test_colours_are_logarithmic_where_values_span_decades(rows):
    figure = heatmap_rows(rows, xlabel="beta", ylabel="L")
    first, second, third = (ax for ax in figure.axes if ax.images and ax.get_visible())
    assert isinstance(first.images[0].norm, LogNorm)
    assert (first.images[0].norm.vmin, first.images[0].norm.vmax) == (1.0, 1e7)
    assert second.images[0].norm is first.images[0].norm
    assert type(third.images[0].norm) is Normalize
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert "latent [nats]" in labels
    assert "output [nats]" in labels


def test_digits_can_be_read_on_their_colours(rows):
    figure = heatmap_rows(rows, xlabel="", ylabel="")
    ax = figure.axes[0]
    [image] = ax.images
    for text, value in zip(ax.texts, np.asarray(image.get_array()).ravel(), strict=True):
        back = image.cmap(image.norm(value))[:3]
        ink = to_rgb(text.get_color())
        brightness = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in (back, ink)]
        assert abs(brightness[0] - brightness[1]) > 0.4


def test_numbers_must_fit_their_labels_and_nothing_known_is_no_error():
    with pytest.raises(ValueError, match="expected 1 x 2 values for 'a', got 2 x 2"):
        heatmap_rows([("", [Heatmap("a", np.ones((2, 2)), [1], [1, 2])])], xlabel="", ylabel="")
    unknown = Heatmap("a", np.full((1, 2), math.nan), [1], [1, 2])
    figure = heatmap_rows([("", [unknown])], xlabel="", ylabel="")
    figure.draw_without_rendering()
    assert [text.get_text() for text in figure.axes[0].texts] == ["\u2013", "\u2013"]


def test_there_must_be_panels():
    for rows in ([], [("", [])], [("", [Heatmap("a", np.ones((1, 1)), [1], [1])]), ("", [])]):
        with pytest.raises(ValueError, match="expected one panel or more in every row, got none"):
            heatmap_rows(rows, xlabel="", ylabel="")
