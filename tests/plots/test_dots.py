import math

import pytest

from pyro_seatbelt.plots import Dot, DotPanel, dot_panels

ROWS = {
    "as here": {"mean": Dot(0.2, 0.1, 0.3), "least": Dot(0.5)},
    "failed": {"mean": Dot(900.0, 700.0, 1100.0)},
    "nothing": {"mean": Dot(math.nan), "least": Dot(0.0)},
}


@pytest.fixture
def figure():
    panels = [DotPanel("one", ROWS, {"none": 1}), DotPanel("other", ROWS, {"none": 1, "far": 1e7})]
    return dot_panels(panels, xlabel="factor\nchairs", note="95 % CI")


def test_dots_are_the_numbers_and_what_is_not_above_0_is_left_out(figure):
    one, other = figure.axes
    assert [label.get_text() for label in one.get_yticklabels()] == list(ROWS)
    mean, least = (container.lines[0] for container in one.containers)
    assert mean.get_xdata()[:2].tolist() == [0.2, 900.0]
    assert math.isnan(mean.get_xdata()[2])
    assert least.get_xdata()[0] == 0.5
    assert all(math.isnan(each) for each in least.get_xdata()[1:])
    [segments] = [bar.get_segments() for bar in one.containers[0].lines[2]]
    assert segments[0][:, 0] == pytest.approx([0.1, 0.3])
    assert [line.get_xdata()[0] for line in other.lines[:2]] == [1, 1e7]
    assert one.get_xlim() == other.get_xlim()


def test_nothing_lies_on_anything_else(figure):
    figure.draw_without_rendering()
    [legend] = figure.legends
    assert [text.get_text() for text in legend.texts] == ["none", "mean", "least", "far"]
    below = legend.get_window_extent()
    for ax in figure.axes:
        assert not below.overlaps(ax.xaxis.label.get_window_extent())
        assert not below.overlaps(ax.get_window_extent())
    first, second = (ax.xaxis.label.get_window_extent() for ax in figure.axes)
    assert not first.overlaps(second)


def test_without_runs_there_are_names_alone():
    empty = {name: {} for name in ROWS}
    figure = dot_panels([DotPanel("one", empty, {"none": 1})], xlabel="factor")
    figure.draw_without_rendering()
    assert len(figure.axes[0].get_yticklabels()) == 3
