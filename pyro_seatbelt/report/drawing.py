"""Charts as lines and labels on a plane."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pyro_seatbelt.report.parts import Chart, Line
from pyro_seatbelt.report.quantity import quantity

WIDTH, HEIGHT = 380.0, 236.0
"""The plane; it is shown about as large, so that letters keep their size."""

_TOP, _RIGHT, _BOTTOM = 22.0, 12.0, 34.0
_LETTER = 7.4
_MOST_POINTS = 400
_MOST_ROWS = 24
_NUM_STYLES = 7


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis.

    Attributes:
        place: Where it is on the plane.
        label: What it says.
    """

    place: float
    label: str


@dataclass(frozen=True)
class Stroke:
    """A line on the plane.

    Attributes:
        name: What it is.
        points: As SVG has them, relative to the corner of the plot.
        dots: The same one by one, where each is to be seen.
        colour: Number of its colour.
        dash: Number of its dash pattern.
    """

    name: str
    points: str
    dots: Sequence[tuple[float, float]]
    colour: int
    dash: int


@dataclass(frozen=True)
class Drawing:
    """A chart on the plane.

    Attributes:
        chart: The chart.
        left: Left edge of the plot.
        top: Its top edge.
        width: Its width.
        height: Its height.
        x_ticks: Labels below.
        y_ticks: Labels on the left.
        strokes: The lines.
        headings: Of the table with the same numbers.
        rows: Some of its rows, evenly chosen; none where there is no table.
    """

    chart: Chart
    left: float
    top: float
    width: float
    height: float
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    strokes: Sequence[Stroke]
    headings: Sequence[str]
    rows: Sequence[Sequence[float | None]]


def draw(chart: Chart) -> Drawing | None:
    """Lays a chart out.

    Args:
        chart: The chart.

    Returns:
        The drawing; None if no line has a point.

    Example:
        >>> line = Line(name="ELBO", x=[0, 100], y=[-900.0, -500.0])
        >>> drawing = draw(Chart(title="ELBO", x_label="step", y_label="nats", lines=[line]))
        >>> [tick.label for tick in drawing.y_ticks]
        ['\u2212900', '\u2212800', '\u2212700', '\u2212600', '\u2212500']
    """
    lines = [clean for line in chart.lines if len((clean := _finite(line)).x)]
    if not lines:
        return None
    x_low, x_high = _range([value for line in lines for value in line.x])
    y_low, y_high = _range(_values(lines, skip_start=chart.skip_start))
    margin = 0.04 * (y_high - y_low)
    y_low, y_high = y_low - margin, y_high + margin
    y_marks = ticks(y_low, y_high, 5)
    labels = [quantity(mark) for mark in y_marks]
    left = 10 + _LETTER * max(map(len, labels), default=1)
    width, height = WIDTH - left - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def across(value: float) -> float:
        return round((value - x_low) / (x_high - x_low) * width, 1)

    def down(value: float) -> float:
        return round((y_high - value) / (y_high - y_low) * height, 1)

    strokes = []
    for place, line in enumerate(lines):
        number = place if line.look is None else line.look
        some = _thinned(line)
        points = [(across(x), down(y)) for x, y in zip(some.x, some.y, strict=True)]
        strokes.append(
            Stroke(
                name=line.name,
                points=" ".join(f"{x:g},{y:g}" for x, y in points),
                dots=points if chart.markers or len(points) < 12 else (),
                colour=number % _NUM_STYLES,
                dash=(number % 4 + number // _NUM_STYLES) % 4,
            )
        )
    x_marks = ticks(x_low, x_high, 4)
    return Drawing(
        chart=chart,
        left=left,
        top=_TOP,
        width=width,
        height=height,
        x_ticks=[Tick(across(mark), quantity(mark)) for mark in x_marks],
        y_ticks=[Tick(down(mark), text) for mark, text in zip(y_marks, labels, strict=True)],
        strokes=strokes,
        headings=[chart.x_label, *(line.name for line in lines)],
        rows=_rows(lines) if chart.listed else (),
    )


def ticks(low: float, high: float, count: int) -> list[float]:
    """Chooses round numbers within a range.

    Args:
        low: Its lower end.
        high: Its upper end.
        count: About so many.

    Example:
        >>> ticks(0.0, 60.0, 4), ticks(-0.02, 1.3, 5)
        ([0.0, 20.0, 40.0, 60.0], [0.0, 0.5, 1.0])
    """
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _finite(line: Line) -> Line:
    kept = [
        (x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(x) and math.isfinite(y)
    ]
    return replace(line, x=[x for x, _ in kept], y=[y for _, y in kept])


def _values(lines: Sequence[Line], *, skip_start: bool) -> list[float]:
    start = max(line.x[-1] for line in lines) / 20 if skip_start else -math.inf
    values = [y for line in lines for x, y in zip(line.x, line.y, strict=True) if x >= start]
    return values or [y for line in lines for y in line.y]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if high - low > 1e-9 * max(1.0, abs(high)):
        return low, high
    half = max(1e-6, 0.05 * abs(high)) if high else 1.0
    return low - half, high + half


def _thinned(line: Line) -> Line:
    if len(line.x) <= _MOST_POINTS:
        return line
    kept = np.linspace(0, len(line.x) - 1, _MOST_POINTS).round().astype(int)
    return replace(line, x=[line.x[i] for i in kept], y=[line.y[i] for i in kept])


def _rows(lines: Sequence[Line]) -> list[list[float | None]]:
    values = [dict(zip(line.x, line.y, strict=True)) for line in lines]
    everywhere = sorted({x for line in lines for x in line.x})
    spread = np.linspace(0, len(everywhere) - 1, _MOST_ROWS).round().astype(int)
    places = {everywhere[i] for i in spread}
    for line in lines:
        if len(line.x) <= _MOST_ROWS:
            places.update(line.x)
    return [[place, *(each.get(place) for each in values)] for place in sorted(places)]
