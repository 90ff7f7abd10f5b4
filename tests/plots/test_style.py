import itertools

import matplotlib.colors
import pytest
from matplotlib.figure import Figure

from pyro_seatbelt.plots.style import COLOURS, add_legend, line_style


def test_28_lines_have_looks_of_their_own():
    looks = {(line_style(n)["color"], line_style(n)["linestyle"]) for n in range(28)}
    assert len(looks) == 28
    assert line_style(28) == line_style(0)


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("num", [1, 5, 12])
@pytest.mark.parametrize("length", [1, 9, 30])
def test_a_legend_is_no_wider_than_its_figure(num, length, above):
    figure = Figure(figsize=(4.5, 3), layout="constrained")
    ax = figure.subplots()
    names = ["m" * length] * num
    handles = [ax.plot([0, 1], [0, number])[0] for number in range(num)]
    add_legend(figure, names, handles, above=above)
    figure.draw_without_rendering()
    [legend] = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    panel = ax.get_tightbbox()
    assert box.y0 >= panel.y1 - 1 if above else box.y1 <= panel.y0 + 1
    assert ax.get_window_extent().height > 1.5 * figure.dpi  # more rows make a higher figure


def test_neighbouring_colours_differ_in_brightness_or_hue_for_the_colour_blind():
    rgb = [matplotlib.colors.to_rgb(colour) for colour in COLOURS]
    # what a reader without red cones keeps: roughly blue, and a mix of red and green
    seen = [(0.15 * r + 0.85 * g, b) for r, g, b in rgb]
    for one, other in itertools.pairwise(seen):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.1
