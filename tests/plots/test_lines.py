import pytest

from pyro_seatbelt.plots import Line, line_chart
from pyro_seatbelt.plots.lines import without_start


def test_lines_and_names_are_those_given():
    lines = [Line(name="one", x=[0, 1], y=[2.0, 3.0]), Line(name="none", x=[], y=[]),
             Line(name="_two", x=[1], y=[5.0], look=9)]  # fmt: skip
    figure = line_chart(lines, xlabel="step", ylabel="nats")
    [ax] = figure.axes
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[0, 2], [1, 3]], [[1, 5]]]
    assert [text.get_text() for text in figure.legends[0].texts] == ["one", "_two"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "nats")
    [nine] = line_chart([Line(name="", x=[0], y=[0.0], look=9)], xlabel="", ylabel="").axes[0].lines
    assert nine.get_color() == ax.lines[1].get_color()
    assert nine.get_marker() == ax.lines[1].get_marker()


@pytest.mark.parametrize(("num", "marked"), [(29, True), (30, False)])
def test_few_points_have_markers(num, marked):
    line = Line(name="a", x=range(num), y=[0.0] * num)
    [drawn] = line_chart([line], xlabel="", ylabel="").axes[0].lines
    assert (drawn.get_marker() != "None") == marked


def test_a_start_that_flattens_the_rest_is_left_out():
    steps = list(range(101))
    bad = Line(name="a", x=steps, y=[-1e4 if step < 5 else float(step) for step in steps])
    short = Line(name="b", x=[4], y=[50.0])
    late, other = without_start([bad, short])
    assert (late.x[0], late.y[0]) == (5, 5.0)
    assert other == short  # no line is left out as a whole
    good = Line(name="a", x=steps, y=[float(step) for step in steps])
    assert without_start([good, short]) == [good, short]
    assert without_start([]) == []
