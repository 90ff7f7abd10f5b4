"""Lines over a common axis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyro_seatbelt.plots.style import FONT_SIZE, add_legend, line_style

_MARKED = 30
"""Lines of fewer points have a marker at each: a single point makes no line."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a chart.

    Attributes:
        name: What it is.
        x: Where its points are, not decreasing.
        y: Their values, as many.
        look: The number of its look; None for its place among the lines.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    look: int | None = None


def line_chart(
    lines: Sequence[Line],
    *,
    xlabel: str,
    ylabel: str,
    size: tuple[float, float] = (5.3, 3.3),
) -> Figure:
    """Draws lines in one panel, with their names above it.

    Args:
        lines: The lines.
        xlabel: What the horizontal axis shows.
        ylabel: What the vertical one shows, with its unit.
        size: Width and height in inches.

    Returns:
        The figure.

    Example:
        >>> line = Line(name="ELBO", x=[0, 100], y=[-900.0, -500.0])
        >>> figure = line_chart([line], xlabel="step", ylabel="nats per image")
        >>> figure.axes[0].get_ylabel()
        'nats per image'
    """
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.subplots()
    draw_lines(ax, lines)
    ax.set_xlabel(xlabel, fontsize=FONT_SIZE)
    ax.set_ylabel(ylabel, fontsize=FONT_SIZE)
    add_legend(figure, [line.name for line in lines if len(line.x)], ax.lines, above=True)
    return figure


def draw_lines(ax: Axes, lines: Iterable[Line]) -> None:
    """Draws lines on axes with a faint grid.

    Args:
        ax: Where.
        lines: The lines; those without a point are left out.
    """
    for number, line in enumerate(lines):
        if len(line.x):
            look = line_style(number if line.look is None else line.look)
            if len(line.x) >= _MARKED:
                look["marker"] = None
            ax.plot(line.x, line.y, markersize=3.5, linewidth=1.3, label=line.name, **look)
    ax.tick_params(labelsize=FONT_SIZE)
    ax.grid(visible=True, alpha=0.25, clip_on=False)


def without_start(lines: Sequence[Line]) -> list[Line]:
    """Leaves out the first twentieth of a training if it would flatten all that follows.

    Args:
        lines: Lines over steps, all of finite values.

    Returns:
        Each line from a twentieth of its last step on, if together they span less than half of
        what they span with their starts; else the lines as they are.

    Example:
        >>> line = Line(name="ELBO", x=[0, 50, 100], y=[-9000.0, -800.0, -700.0])
        >>> without_start([line])[0].x
        [50, 100]
    """
    late = [_late(line) for line in lines]
    if 0 < 2 * _span(late) < _span(lines):
        return late
    return list(lines)


def _late(line: Line) -> Line:
    kept = [(x, y) for x, y in zip(line.x, line.y, strict=True) if x >= line.x[-1] / 20]
    return replace(line, x=[x for x, _ in kept], y=[y for _, y in kept])


def _span(lines: Sequence[Line]) -> float:
    values = [y for line in lines for y in line.y]
    return max(values, default=0.0) - min(values, default=0.0)
