import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyro_seatbelt.plots import Line
from pyro_seatbelt.report.charts import Breakdown, Chart, draw


def chart(*lines, **options):
    return Chart(title="a", x_label="step", y_label="nats", lines=lines, **options)


def words(drawn):
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn.svg)


finite = st.floats(-1e29, 1e29, allow_nan=False)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=40, unique_by=lambda each: each[0]))
def test_any_numbers_can_be_drawn_and_are_listed(points):
    points.sort()
    drawn = draw(chart(Line(name="a", x=[x for x, _ in points], y=[y for _, y in points])), "c")
    assert "nan" not in drawn.svg
    assert {tuple(row) for row in drawn.rows} <= set(points)


def test_words_are_those_of_the_chart():
    lines = [
        Line(name=name, x=[0, 20_000], y=[-1000.0, 1000.0]) for name in ("training", "held out")
    ]
    seen = words(draw(chart(*lines), "c"))
    assert {"training", "held out", "step", "nats"} <= set(seen)
    assert "\u22121000" in seen
    assert "20\u202f000" in seen


def test_names_are_written_as_they_are():
    name = "$x^2$ & <b>_\x00 " + "runs/" * 60
    drawn = draw(chart(Line(name=name, x=[0, 1], y=[0.0, 1.0])), "c")
    seen = words(drawn)
    assert seen[-3].startswith("$x^2$ &amp; &lt;b&gt;_\ufffd runs/runs/")
    assert seen[-1].endswith("\u2026")
    assert drawn.headings == ["step", name]


def test_a_bad_start_is_left_out_of_the_drawing_alone():
    steps = list(range(2, 42))
    line = Line(name="a", x=steps, y=[-1e6 / step**3 for step in steps])
    whole, cut = (draw(chart(line, skip_start=skip, note="Note."), "c") for skip in (False, True))
    assert whole.note == "Note."
    assert cut.note == "Note. The first steps, far from the rest, are not drawn."
    assert whole.rows == cut.rows
    assert "\u2212100\u202f000" in words(whole)
    assert "\u2212100\u202f000" not in words(cut)


def test_what_is_not_finite_is_left_out():
    drawn = draw(chart(Line(name="a", x=[1, 2, 3], y=[1.0, math.nan, 3.0])), "c")
    assert drawn.rows == [[1, 1.0], [3, 3.0]]
    assert draw(chart(Line(name="a", x=[1.0], y=[math.inf])), "c") is None
    assert draw(chart(), "c") is None
    assert draw(Breakdown(title="", parts=[("a", math.nan)]), "c") is None


def test_long_lines_are_thinned_and_short_ones_listed_whole():
    steps = list(range(5000))
    long = Line(name="a", x=steps, y=[float(step % 97) for step in steps])
    short = Line(name="b", x=[17.0, 4321.0], y=[1.0, 2.0])
    drawn = draw(chart(long, short), "c")
    assert len(drawn.svg) < 15_000
    listed = {row[0]: row for row in drawn.rows}
    assert len(listed) < 30
    assert listed[17.0] == [17.0, 17.0, 1.0]
    assert not draw(chart(long, listed=False), "c").rows


@pytest.mark.parametrize("look", [0, 3, 20])
def test_a_line_may_say_how_it_looks(look):
    line = Line(name="a", x=[0, 1], y=[0.0, 1.0], look=look)
    assert f"var(--c{look % 7})" in draw(chart(line), "c").svg


def test_a_breakdown_has_its_numbers_beside_their_names():
    parts = [("KL of z1", 16.9), ("total correlation", -0.01)]
    drawn = draw(Breakdown(title="KL", parts=parts, note="A note."), "c")
    assert words(drawn)[-2:] == ["KL of z1 16.9", "total correlation \u22120.01"]
    assert drawn.rows == [["KL of z1", 16.9], ["total correlation", -0.01]]
    assert drawn.headings == ("part", "nats per image")
    assert drawn.note == "A note."
