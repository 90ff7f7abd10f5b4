"""Charts of a page: what matplotlib draws, and the same numbers in a table."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pyro_seatbelt.plots.bars import stacked_bar
from pyro_seatbelt.plots.lines import Line, line_chart, without_start
from pyro_seatbelt.report.parts import NATS, Cell
from pyro_seatbelt.report.quantity import measured, quantity
from pyro_seatbelt.report.svg import inline_svg, page_style

_LARGE = 1e30
"""What is larger cannot be drawn."""

_WIDTH, _HEIGHT = 3.7, 2.5
"""In inches: enlarged to the width of a column, words are as large as in captions."""

_MOST_POINTS = 400
_MOST_ROWS = 24


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Lines over a common axis.

    Attributes:
        title: What it shows.
        x_label: Name of the horizontal axis.
        y_label: Unit of the vertical one.
        lines: The lines; what is not finite is left out.
        note: A sentence below.
        skip_start: Whether the first twentieth may be left out, where it is far from the rest.
        listed: Whether a table has the same numbers.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    note: str = ""
    skip_start: bool = False
    listed: bool = True


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """A whole and its parts, in nats per image.

    Attributes:
        title: What the whole is.
        parts: Names and sizes.
        note: A sentence below.
    """

    title: str
    parts: Sequence[tuple[str, float]]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class DrawnChart:
    """A chart as the page has it.

    Attributes:
        title: What it shows.
        svg: The drawing.
        note: A sentence below.
        headings: Of the table with the same numbers.
        rows: Some of its rows, evenly chosen; none where there is no table.
    """

    title: str
    svg: Markup
    note: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def draw(chart: Chart | Breakdown, name: str) -> DrawnChart | None:
    """Draws a chart.

    Args:
        chart: The chart.
        name: What the ids in the drawing begin with: unique within the page.

    Returns:
        The drawing; None if no line has a point.

    Example:
        >>> line = Line(name="ELBO", x=[0, 100], y=[-900.0, -500.0])
        >>> chart = Chart(title="Bound", x_label="step", y_label="nats", lines=[line])
        >>> draw(chart, "chart-1").rows
        [[0, -900.0], [100, -500.0]]
    """
    return _draw_breakdown(chart, name) if isinstance(chart, Breakdown) else _draw(chart, name)


def _draw(chart: Chart, name: str) -> DrawnChart | None:
    lines = [clean for line in chart.lines if len((clean := _finite(line)).x)]
    if not lines:
        return None
    # a line keeps its look when the ones before it are left out
    drawn = [replace(_thinned(line), name=_legend(line.name)) for line in lines]
    note = chart.note
    if chart.skip_start and (late := without_start(drawn)) != drawn:
        drawn, note = late, f"{note} The first steps, far from the rest, are not drawn.".strip()
    with page_style():
        ylabel = textwrap.fill(chart.y_label, 24)
        figure = line_chart(drawn, xlabel=chart.x_label, ylabel=ylabel, size=(_WIDTH, _HEIGHT))
        _label_ticks(figure)
        names = ", ".join(line.name for line in lines)
        svg = inline_svg(figure, name, f"{chart.title}: {names} over {chart.x_label}")
    return DrawnChart(
        title=chart.title,
        svg=svg,
        note=note,
        headings=[chart.x_label, *(line.name for line in lines)],
        rows=_rows(lines) if chart.listed else (),
    )


def _draw_breakdown(chart: Breakdown, name: str) -> DrawnChart | None:
    if not all(abs(size) < _LARGE for _, size in chart.parts):
        return None
    sizes = {f"{_legend(part)} {measured(size)}": size for part, size in chart.parts}
    with page_style():
        figure = stacked_bar(sizes, xlabel=NATS, size=(_WIDTH, 1.2))
        _label_ticks(figure)
        svg = inline_svg(figure, name, f"{chart.title}: {', '.join(sizes)}")
    return DrawnChart(
        title=chart.title,
        svg=svg,
        note=chart.note,
        headings=("part", NATS),
        rows=[list(part) for part in chart.parts],
    )


def _label_ticks(figure: Figure) -> None:
    [ax] = figure.axes
    for axis in (ax.xaxis, ax.yaxis):
        if len(axis.get_ticklocs()):
            axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
            axis.set_major_formatter(FuncFormatter(lambda value, _: quantity(value)))


def _legend(name: str) -> str:
    """A name that fits into a drawing: XML has no words for what cannot be printed."""
    printable = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    return "\n".join(textwrap.wrap(printable, 60, max_lines=3, placeholder="\u2026")) or "\u2013"


def _finite(line: Line) -> Line:
    kept = [
        (x, y)
        for x, y in zip(line.x, line.y, strict=True)
        if abs(x) < _LARGE and abs(y) < _LARGE  # not true of NaN
    ]
    return replace(line, x=[x for x, _ in kept], y=[y for _, y in kept])


def _thinned(line: Line) -> Line:
    if len(line.x) <= _MOST_POINTS:
        return line
    kept = np.linspace(0, len(line.x) - 1, _MOST_POINTS).round().astype(int)
    return replace(line, x=[line.x[i] for i in kept], y=[line.y[i] for i in kept])


def _rows(lines: Sequence[Line]) -> list[list[Cell]]:
    """All places of short lines, and evenly chosen ones of long lines."""
    values = [dict(zip(line.x, line.y, strict=True)) for line in lines]
    everywhere = sorted({x for line in lines for x in line.x})
    chosen = np.linspace(0, len(everywhere) - 1, _MOST_ROWS).round().astype(int)
    places = {everywhere[i] for i in chosen}
    for line in lines:
        if len(line.x) <= _MOST_ROWS:
            places.update(line.x)
    return [[place, *(each.get(place) for each in values)] for place in sorted(places)]
