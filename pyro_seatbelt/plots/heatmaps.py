"""Numbers over two settings, as colours and in digits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

COLOUR_MAP = "cividis"
"""One that colour-blind readers and grey printers see alike."""

DECADES = 1.5
"""Values that span more of them have a logarithmic scale of colours."""


@dataclass(frozen=True)
class Heatmap:
    """One panel of a figure.

    Attributes:
        title: A line above.
        values: A number for each row and column, shape `(rows, columns)`; NaN where there is none.
        rows: Labels of the rows, the first at the bottom.
        columns: Labels of the columns.
    """

    title: str
    values: NDArray[np.floating]
    rows: Sequence[object]
    columns: Sequence[object]


def heatmap_rows(
    rows: Sequence[tuple[str, Sequence[Heatmap]]], *, xlabel: str, ylabel: str, title: str = ""
) -> Figure:
    """Draws heatmaps, each row of them with one scale of colours, a number in every cell.

    Args:
        rows: What the colours of a row stand for, with its unit, and its panels.
        xlabel: What the columns of a panel are.
        ylabel: What its rows are.
        title: A line above.

    Returns:
        The figure; a row whose values are all positive and span decades has logarithmic colours.

    Raises:
        ValueError: Without panels in a row, or if the numbers do not have a row and a column for
            each label.

    References:
        | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.),
          Figures 6 and 7

    Example:
        >>> panel = Heatmap("chairs", np.array([[1.0, 2.0], [3.0, 400.0]]), [1, 2], [1, 10])
        >>> figure = heatmap_rows([("nats", [panel])], xlabel="beta", ylabel="L")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['1', '2', '3', '400']
    """
    if not rows or not all(panels for _, panels in rows):
        raise ValueError("expected one panel or more in every row, got none")
    for _, panels in rows:
        for panel in panels:
            if panel.values.shape != (len(panel.rows), len(panel.columns)):
                raise ValueError(
                    f"expected {len(panel.rows)} x {len(panel.columns)} values for "
                    f"{panel.title!r}, got {' x '.join(map(str, panel.values.shape))}"
                )
    columns = max(len(panels) for _, panels in rows)
    cells = max(len(panel.columns) for _, panels in rows for panel in panels)
    lines = max(len(panel.rows) for _, panels in rows for panel in panels)
    size = columns * max(1.9, 0.62 * cells + 0.6) + 1.0, len(rows) * (0.42 * lines + 1.15) + 0.4
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes, (label, panels) in zip(grid, rows, strict=True):
        norm = _norm([panel.values for panel in panels])
        for ax, panel in zip(axes, panels, strict=False):
            _draw(ax, panel, norm)
            ax.set_xlabel(xlabel, fontsize=9)
        axes[0].set_ylabel(ylabel, fontsize=9)
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        bar = figure.colorbar(
            axes[0].images[0], ax=list(axes[: len(panels)]), label=label, fraction=0.04, pad=0.015
        )
        bar.ax.tick_params(labelsize=8)
        bar.ax.yaxis.label.set_fontsize(9)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _norm(values: Sequence[NDArray[np.floating]]) -> Normalize:
    known = np.concatenate([each[np.isfinite(each)] for each in values])
    if not len(known):
        return Normalize(0, 1)
    low, high = float(known.min()), float(known.max())
    if low > 0 and high / low > 10**DECADES:
        return LogNorm(low, high)
    return Normalize(low, high if high > low else low + 1)


def _draw(ax: Axes, panel: Heatmap, norm: Normalize) -> None:
    colours = colormaps[COLOUR_MAP].with_extremes(bad="#dddddd")
    ax.imshow(
        np.ma.masked_invalid(panel.values), cmap=colours, norm=norm, origin="lower", aspect="auto"
    )
    ax.set_title(panel.title, fontsize=9)
    ax.set_xticks(range(len(panel.columns)), map(str, panel.columns), fontsize=8)
    ax.set_yticks(range(len(panel.rows)), map(str, panel.rows), fontsize=8)
    for (row, column), value in np.ndenumerate(panel.values):
        known = math.isfinite(value)
        red, green, blue, _ = colours(norm(value)) if known else (1.0, 1.0, 1.0, 1.0)
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
        ax.text(
            column,
            row,
            short(value) if known else "\u2013",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if dark else "black",
        )


def short(value: float) -> str:
    """Writes a number in at most six characters or so.

    Example:
        >>> [short(value) for value in (0.0123, 3.14159, 271.8, 31415.9, 2.7e7)]
        ['0.012', '3.1', '272', '3.1e4', '2.7e7']
    """
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"
