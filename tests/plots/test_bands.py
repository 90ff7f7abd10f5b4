import math
from dataclasses import replace

import pytest

from pyro_seatbelt.plots import Band, BandPanel, band_panels
from pyro_seatbelt.plots.style import COLOURS

NAN = math.nan


@pytest.fixture
def line():
    return Band([1, 4, 10], [1.0, 10.0, 1000.0], [0.5, 5.0, 500.0], [2.0, 20.0, 2000.0])


def test_lines_and_shading_are_the_numbers(line):
    other = Band([1, 10], [3.0, 4.0], [2.0, 3.0], [4.0, 5.0], [(1, 2.5), (10, 4.5)])
    panels = [
        BandPanel("(a) chairs", "nats", {"one": line, "other": other}, "log"),
        BandPanel("(b) faces", "pixels", {"other": other}),
    ]
    figure = band_panels(panels, xlabel="beta", columns=2, title="a title", note="95 % CI")
    left, right = figure.axes
    assert [ax.get_title() for ax in figure.axes] == ["(a) chairs", "(b) faces"]
    assert [ax.get_ylabel() for ax in figure.axes] == ["nats", "pixels"]
    assert {ax.get_xlabel() for ax in figure.axes} == {"beta"}
    assert (left.get_yscale(), right.get_yscale()) == ("log", "linear")
    assert list(left.lines[0].get_ydata()) == [1.0, 10.0, 1000.0]
    assert list(left.get_xticks()) == [1, 4, 10]
    outline = left.collections[0].get_paths()[0].vertices
    assert {tuple(point) for point in outline} >= {(1, 0.5), (10, 2000.0), (4, 5.0)}
    # a name has one colour and one style, whatever panel it is in
    assert right.lines[0].get_color() == left.lines[1].get_color() == COLOURS[1]
    assert right.lines[0].get_linestyle() == left.lines[1].get_linestyle() != "-"
    assert list(right.lines[1].get_ydata()) == [2.5, 4.5]
    [legend] = figure.legends
    assert [text.get_text() for text in legend.texts] == ["one", "other"]
    assert legend.get_title().get_text() == "95 % CI"


def test_an_interval_of_two_values_does_not_flatten_the_lines():
    line = Band([1, 10], [5.0, 6.0], [-1e4, 5.5], [1e4, 6.5], [(1, 4.9), (1, 5.1)])
    [ax] = band_panels([BandPanel("", "", {"a": line})], xlabel="", columns=1).axes
    assert ax.get_ylim()[0] < -1e4  # unless it is said, the axis has room
    wide = replace(line, may_leave=True)
    [ax] = band_panels([BandPanel("", "", {"a": wide})], xlabel="", columns=1).axes
    low, high = ax.get_ylim()
    assert 4 < low < 4.9
    assert 6.5 <= high < 7.1


def test_what_is_not_above_zero_is_left_out_of_a_log_axis():
    line = Band([1, 10], [0.0, 6.0], [-1.0, 5.5], [1.0, 6.5])
    [ax] = band_panels([BandPanel("", "", {"a": line}, "log")], xlabel="", columns=1).axes
    assert ax.get_ylim()[0] > 0


def test_empty_panels_are_drawn_and_no_panel_is_an_error():
    unknown = Band([1.0], [NAN], [NAN], [NAN])
    figure = band_panels(
        [BandPanel("a", "b"), BandPanel("c", "d", {"x": unknown}, "log")], xlabel="", columns=3
    )
    figure.draw_without_rendering()
    assert [ax.get_title() for ax in figure.axes] == ["a", "c"]
    [legend] = figure.legends
    assert [text.get_text() for text in legend.texts] == ["x"]
    with pytest.raises(ValueError, match="expected one panel or more"):
        band_panels([], xlabel="", columns=1)


def test_left_over_places_are_not_drawn(line):
    panels = [BandPanel(str(number), "", {"a": line}) for number in range(3)]
    figure = band_panels(panels, xlabel="", columns=2)
    assert [ax.get_visible() for ax in figure.axes] == [True, True, True, False]
