"""Factors with intervals on a logarithmic axis, a line per thing that makes them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from pyro_seatbelt.plots.style import FONT_SIZE, add_legend, line_style


class Dot(NamedTuple):
    """A factor with its interval; NaN ends for none."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class DotPanel:
    """One panel of a figure.

    Attributes:
        title: A line above.
        rows: Factors by series, by the name of the row; what is not above 0 is left out.
        marks: Values to draw a line at, by name.
    """

    title: str
    rows: Mapping[str, Mapping[str, Dot]]
    marks: Mapping[str, float]


def dot_panels(panels: Sequence[DotPanel], *, xlabel: str, note: str = "") -> Figure:
    """Draws factors as dots, a row per name, all panels with the same rows and axis.

    Args:
        panels: Panels, side by side; all have the rows of the first.
        xlabel: What the factors are.
        note: A line below: what the intervals are.

    Returns:
        The figure.

    Example:
        >>> rows = {"as here": {"mean": Dot(0.2, 0.1, 0.3)}, "failed": {"mean": Dot(900.0)}}
        >>> figure = dot_panels([DotPanel("VAE", rows, {"no change": 1})], xlabel="factor")
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['as here', 'failed']
    """
    names = list(panels[0].rows) if panels else []
    height = 1.3 + 0.3 * len(names)
    figure = Figure(figsize=(3.2 + 2.6 * max(1, len(panels)), height), layout="constrained")
    axes = figure.subplots(1, max(1, len(panels)), sharex=True, sharey=True, squeeze=False)[0]
    rows = [row for panel in panels for row in panel.rows.values()]
    series = list(dict.fromkeys(key for row in rows for key in row))
    handles: dict[str, Any] = {}
    for ax, panel in zip(axes, panels, strict=False):
        for mark, (name, value) in enumerate(panel.marks.items()):
            dashes = (0, (1 + 3 * mark, 2))
            handles[name] = ax.axvline(value, color="0.5", linewidth=0.8, linestyle=dashes)
        for number, key in enumerate(series):
            shift = 0.22 * (number - (len(series) - 1) / 2)
            dots = [panel.rows[name].get(key, Dot(math.nan)) for name in names]
            values, low, high = (
                np.array([each if each > 0 else math.nan for each in column])
                for column in zip(*dots, strict=True)
            )
            places = np.arange(len(names)) + shift
            look = {**line_style(number), "linestyle": ""}
            handles[key] = ax.errorbar(
                values,
                places,
                xerr=np.nan_to_num(np.clip([values - low, high - values], 0, None)),
                markersize=4,
                elinewidth=0.8,
                **look,
            )
        ax.set_title(panel.title, fontsize=FONT_SIZE + 1)
        ax.grid(axis="x", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=FONT_SIZE)
        ax.set_xlabel(xlabel, fontsize=FONT_SIZE + 1)
    axes[0].set_xscale("log")
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    add_legend(figure, list(handles), list(handles.values()), title=note)
    return figure
