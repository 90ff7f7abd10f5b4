"""Lines with shaded confidence bands, side by side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyro_seatbelt.plots.style import FONT_SIZE, add_legend, line_style


@dataclass(frozen=True)
class Band:
    """A line with the confidence interval of every point.

    Attributes:
        x: Places, ascending.
        mean: The line, as long; NaN breaks it.
        low: Lower ends; NaN where there is no interval.
        high: Upper ends.
        dots: Single values behind the line, `(x, y)`; they are drawn small and faint.
        may_leave: Whether the intervals may leave the panel, as those of two values do: else the
            axis has room for them.
    """

    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    dots: Sequence[tuple[float, float]] = ()
    may_leave: bool = False


@dataclass(frozen=True)
class BandPanel:
    """One panel of a figure.

    Attributes:
        title: A line above.
        ylabel: What the vertical axis shows, with its unit.
        lines: The lines by name: the same name has the same colour and style in every panel.
        scale: `log` where values span decades; what is not above 0 is left out of it.
    """

    title: str
    ylabel: str
    lines: Mapping[str, Band] = field(default_factory=dict)
    scale: Literal["linear", "log"] = "linear"


def band_panels(
    panels: Sequence[BandPanel], *, xlabel: str, columns: int, title: str = "", note: str = ""
) -> Figure:
    """Draws lines with shaded intervals.

    The axes show every line, every dot and every interval that may not leave its panel.

    Args:
        panels: What to draw, row by row.
        xlabel: What the horizontal axis shows.
        columns: Panels in a row.
        title: A line above.
        note: A line below: what the shading is.

    Returns:
        The figure.

    Raises:
        ValueError: Without panels.

    References:
        | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.),
          Figures 3 and 5

    Example:
        >>> line = Band([1, 4, 10], [3.0, 2.0, 1.0], [2.5, 1.5, 0.5], [3.5, 2.5, 1.5])
        >>> panel = BandPanel("chairs", "nats", {"VAE": line})
        >>> figure = band_panels([panel], xlabel="beta", columns=1)
        >>> figure.axes[0].get_legend() is None, len(figure.legends)
        (True, 1)
    """
    if not panels:
        raise ValueError("expected one panel or more, got none")
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(max(4.5, 3.6 * columns), 2.9 * rows + 0.9), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    for ax, panel in zip(axes, panels, strict=False):
        for name, line in panel.lines.items():
            _draw(ax, name, line, names.index(name))
        ax.set_title(panel.title, fontsize=10)
        ax.set_ylabel(panel.ylabel, fontsize=9)
        ax.set_xlabel(xlabel, fontsize=9)
        ticks = sorted({x for line in panel.lines.values() for x in line.x})
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        # a logarithmic axis may label its minor ticks too
        ax.tick_params(which="both", labelsize=FONT_SIZE)
        ax.grid(visible=True, alpha=0.25)
        _limit(ax, panel)
    if names:
        handles = {
            handle.get_label(): handle
            for ax in figure.axes
            for handle in ax.lines
            if handle.get_label() in names
        }
        add_legend(figure, names, [handles[name] for name in names], title=note)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _draw(ax: Axes, name: str, line: Band, number: int) -> None:
    look = line_style(number)
    colour = look["color"]
    ax.fill_between(line.x, line.low, line.high, color=colour, alpha=0.18, linewidth=0)
    ax.plot(line.x, line.mean, markersize=4.5, linewidth=1.5, label=name, **look)
    if line.dots:
        x, y = zip(*line.dots, strict=True)
        ax.plot(x, y, ".", color=colour, markersize=3, alpha=0.4)


def _limit(ax: Axes, panel: BandPanel) -> None:
    """Scales the axis to lines and dots, and to as much of the bands as has room beside them."""
    shown = [
        value
        for line in panel.lines.values()
        for value in (*line.mean, *(y for _, y in line.dots))
        if math.isfinite(value) and (panel.scale == "linear" or value > 0)
    ]
    if panel.scale == "log" and shown:
        ax.set_yscale("log")
    if not shown:
        return
    forward, back = (np.log10, lambda y: 10**y) if panel.scale == "log" else (_same, _same)
    low, high = (forward(end(shown + _ends(panel, leaving=False))) for end in (min, max))
    room = max(high - low, 0.1 if panel.scale == "log" else 0.01 * max(abs(low), abs(high), 1e-9))
    leaving = [forward(end) for end in _ends(panel, leaving=True)]
    bottom = max(min([low, *leaving]), low - 0.6 * room) - 0.05 * room
    top = min(max([high, *leaving]), high + 0.6 * room) + 0.05 * room
    ax.set_ylim(float(back(bottom)), float(back(top)))


def _ends(panel: BandPanel, *, leaving: bool) -> list[float]:
    """Ends of the intervals that can be drawn, of lines that may leave the panel or may not."""
    return [
        value
        for line in panel.lines.values()
        if line.may_leave == leaving
        for value in (*line.low, *line.high)
        if math.isfinite(value) and (panel.scale == "linear" or value > 0)
    ]


def _same(value: float) -> float:
    return value
