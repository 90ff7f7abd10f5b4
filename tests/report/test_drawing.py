import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyro_seatbelt.report import Chart, Line
from pyro_seatbelt.report.drawing import HEIGHT, WIDTH, draw, ticks


def chart(*lines, **options):
    return Chart(title="a", x_label="step", y_label="nats", lines=lines, **options)


finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=40))
def test_every_point_is_on_the_plane(points):
    points.sort()
    drawing = draw(chart(Line(name="a", x=[x for x, _ in points], y=[y for _, y in points])))
    [stroke] = drawing.strokes
    for point in stroke.points.split():
        x, y = map(float, point.split(","))
        assert -0.1 <= x <= drawing.width + 0.1
        assert -0.1 <= y <= drawing.height + 0.1
    assert drawing.left + drawing.width < WIDTH
    assert drawing.top + drawing.height < HEIGHT


@given(finite, st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_round_and_inside(low, extent, count):
    marks = ticks(low, low + extent, count)
    assert marks == sorted(set(marks))
    assert len(marks) <= count + 1
    slack = 1e-6 * max(abs(low), extent)
    assert all(low - slack <= mark <= low + extent + slack for mark in marks)


def test_a_bad_start_does_not_flatten_the_rest():
    steps = list(range(1, 101))
    line = Line(name="a", x=steps, y=[-1e6 / step**3 for step in steps])
    whole, cut = (draw(chart(line, skip_start=skip)) for skip in (False, True))
    assert whole.y_ticks[0].label != cut.y_ticks[0].label
    first = float(cut.strokes[0].points.split()[0].split(",")[1])
    assert first > cut.height  # below the plot, which cuts it off


def test_what_is_not_finite_is_left_out():
    drawing = draw(chart(Line(name="a", x=[1, 2, 3], y=[1.0, math.nan, 3.0])))
    assert len(drawing.strokes[0].points.split()) == 2
    assert drawing.rows == [[1, 1.0], [3, 3.0]]
    assert draw(chart(Line(name="a", x=[1.0], y=[math.inf]))) is None
    assert draw(chart()) is None


def test_long_lines_are_thinned_and_short_ones_listed_whole():
    long = Line(name="a", x=list(range(5000)), y=[float(step) for step in range(5000)])
    short = Line(name="b", x=[17.0, 4321.0], y=[1.0, 2.0])
    drawing = draw(chart(long, short))
    assert len(drawing.strokes[0].points.split()) <= 400
    assert drawing.strokes[0].points.split()[-1].startswith(f"{drawing.width:.1f}".rstrip("0."))
    listed = {row[0]: row for row in drawing.rows}
    assert len(listed) < 30
    assert listed[17.0] == [17.0, 17.0, 1.0]
    assert not draw(chart(long, listed=False)).rows


@pytest.mark.parametrize("look", [0, 3, 20])
def test_a_line_may_say_how_it_looks(look):
    line = Line(name="a", x=[0, 1], y=[0.0, 1.0], look=look)
    [stroke] = draw(chart(line)).strokes
    assert (stroke.colour, stroke.dash) == (look % 7, (look % 4 + look // 7) % 4)
