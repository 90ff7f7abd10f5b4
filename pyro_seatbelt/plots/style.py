"""How lines look, and where their names stand: the same in every figure."""

from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Seven colours that colour-blind readers can tell apart (Okabe and Ito, 2008)."""

STYLES = ("-", "--", "-.", ":")
"""Line styles, which tell lines apart without colour too."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Shapes of single points."""

FONT_SIZE = 8
"""Of tick labels and legends, in points."""


def line_style(number: int) -> dict[str, Any]:
    """Chooses colour, dashes and markers of a line; 28 numbers have looks of their own.

    Args:
        number: Which line it is.

    Returns:
        Arguments of :meth:`matplotlib.axes.Axes.plot`.

    Example:
        >>> line_style(8)
        {'color': '#D55E00', 'linestyle': '-', 'marker': 's'}
    """
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": STYLES[number % len(STYLES)],
        "marker": MARKERS[number % len(MARKERS)],
    }


def add_legend(
    figure: Figure,
    names: Sequence[str],
    handles: Sequence[Artist],
    *,
    above: bool = False,
    title: str = "",
) -> None:
    """Writes names outside the panels; a figure with more than a row of them becomes higher.

    Args:
        figure: A figure with a constrained layout.
        names: The names; no legend without any.
        handles: What is drawn, as many.
        above: Whether it stands above the panels, from the left, not centred below.
        title: A line above the names.
    """
    if not names:
        return
    em = FONT_SIZE / 72
    # an average letter takes 0.6 em; the sample of a line and the gap to the next take 5 em
    longest = max(len(line) for name in names for line in name.split("\n"))
    widest = (0.6 * longest + 5) * em
    columns = max(1, min(len(names), int(figure.get_figwidth() / widest)))
    most = max(name.count("\n") + 1 for name in names)
    more = -(-len(names) // columns) * most - 1
    figure.set_figheight(figure.get_figheight() + 1.6 * em * more)
    figure.legend(
        list(handles),
        list(names),
        loc="outside upper left" if above else "outside lower center",
        ncols=columns,
        fontsize=FONT_SIZE,
        frameon=False,
        title=title or None,
        title_fontsize=FONT_SIZE,
    )
