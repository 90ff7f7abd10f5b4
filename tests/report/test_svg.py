import re
from xml.etree import ElementTree as ET

import pytest
from matplotlib.figure import Figure

from pyro_seatbelt.plots import Line, line_chart
from pyro_seatbelt.report.svg import inline_svg, page_style

LINES = [Line(name=str(n), x=[0, 1, 2], y=[0.0, n, 1.0]) for n in range(3)]


def drawn(name="chart-1", lines=LINES):
    with page_style():
        return inline_svg(line_chart(lines, xlabel="step", ylabel="nats"), name, "a label")


def parsed(svg):
    return ET.fromstring(svg)  # noqa: S314 - ours


def ids(svg):
    return set(re.findall(r' id="([^"]+)"', svg))


def test_references_lead_to_ids_of_the_same_chart():
    one, other = drawn("chart-1"), drawn("chart-2")
    for svg, name in ((one, "chart-1-"), (other, "chart-2-")):
        assert ids(svg)
        assert all(each.startswith(name) for each in ids(svg))
        assert set(re.findall(r'(?:url\(|href=")#([^")]+)', svg)) == ids(svg)
    assert not ids(one) & ids(other)


def test_it_is_the_same_each_time_and_says_nothing_of_its_maker():
    assert drawn() == drawn()
    assert "matplotlib" not in drawn().lower()
    assert not re.search(r"\d{4}-\d\d-\d\d", drawn())


def test_the_page_decides_on_colours_fonts_and_size():
    root = parsed(drawn())
    assert not {"width", "height", "style"} & set(root.attrib)
    assert root.attrib["role"] == "img"
    colours = {each.get(key) for each in root.iter() for key in ("fill", "stroke") if each.get(key)}
    assert colours - {"none"} == {"var(--strong)", *(f"var(--c{n})" for n in range(3))}
    assert not any("font" in key or key == "style" for each in root.iter() for key in each.attrib)


def test_the_line_goes_where_the_numbers_are():
    root = parsed(drawn(lines=[Line(name="a", x=[0, 1, 2], y=[0.0, 2.0, 1.0])]))
    [path] = [each for each in root.iter("path") if each.get("stroke") == "var(--c0)"][:1]
    points = re.findall(r"[ML] ([\d.]+) ([\d.]+)", path.get("d"))
    (x0, y0), (x1, y1), (x2, y2) = [(float(x), float(y)) for x, y in points]
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert (y0 - y2) == pytest.approx(y2 - y1, abs=0.2)
    assert y0 > y1  # down is more


def test_letters_that_matplotlib_lacks_are_left_to_the_browser():
    with page_style():
        figure = Figure()
        figure.text(0.5, 0.5, "\u6a21\u578b")
        assert "\u6a21\u578b" in inline_svg(figure, "a", "b")
