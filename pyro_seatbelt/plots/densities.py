"""Smoothed histograms, side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from pyro_seatbelt.plots.style import FONT_SIZE, add_legend, line_style

_POINTS = 400


def density_panels(
    rows: Mapping[str, Sequence[Mapping[str, NDArray[np.floating]]]],
    *,
    columns: Sequence[str],
    xlabel: str,
    title: str = "",
) -> Figure:
    """Draws smoothed histograms: Gaussian kernels as wide as Scott's rule has it.

    Args:
        rows: For each row by name and each column the values by name, each of shape `(n,)`; the
            same name has the same colour and style everywhere. Empty where there are none.
        columns: Names of the columns.
        xlabel: What the values are, with their unit.
        title: A line above.

    Returns:
        The figure; all panels share the horizontal axis, each is as high as it needs to be.

    References:
        | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Figure 8

    Example:
        >>> values = np.random.default_rng(0).normal(size=100)
        >>> figure = density_panels({"VAE": [{"clean": values}]}, columns=["b = 1"], xlabel="nats")
        >>> len(figure.axes[0].lines)
        1
    """
    names = list(
        dict.fromkeys(name for panels in rows.values() for panel in panels for name in panel)
    )
    low, high = _range(
        [values for panels in rows.values() for panel in panels for values in panel.values()]
    )
    figure = Figure(
        figsize=(max(4.5, 3.3 * len(columns) + 0.8), 1.75 * len(rows) + 1.1), layout="constrained"
    )
    grid = figure.subplots(len(rows), len(columns), squeeze=False, sharex=True)
    places = np.linspace(low, high, _POINTS)
    handles: dict[str, Artist] = {}
    for axes, (row, panels) in zip(grid, rows.items(), strict=True):
        for ax, panel in zip(axes, panels, strict=True):
            for name, values in panel.items():
                handles[name] = _draw(ax, name, values, places, names.index(name))
            ax.set_yticks([])
            ax.set_ylim(bottom=0)
            ax.set_xlim(low, high)
            ax.tick_params(labelsize=FONT_SIZE)
            ax.grid(visible=True, axis="x", alpha=0.25)
        axes[0].set_ylabel(row, fontsize=9)
    for ax, name in zip(grid[0], columns, strict=True):
        ax.set_title(name, fontsize=10)
    for ax in grid[-1]:
        ax.set_xlabel(xlabel, fontsize=9)
    add_legend(figure, names, [handles[name] for name in names])
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _draw(
    ax: Axes, name: str, values: NDArray[np.floating], places: NDArray[np.floating], number: int
) -> Artist:
    look = {**line_style(number), "marker": None}
    if len(values) > 1 and float(np.ptp(values)) > 0:
        height = stats.gaussian_kde(values)(places)
        ax.fill_between(places, height, color=look["color"], alpha=0.12, linewidth=0)
        [line] = ax.plot(places, height, linewidth=1.4, label=name, **look)
        return line
    # one value has no width
    return ax.axvline(float(values[0]), linewidth=1.4, label=name, **look)


def _range(values: Sequence[NDArray[np.floating]]) -> tuple[float, float]:
    """From the lowest to the highest value, less single ones in the tails, plus their kernels."""
    if not values:
        return 0.0, 1.0
    ends = []
    for each in values:
        width = 3 * float(np.std(each)) * len(each) ** -0.2
        low, high = np.quantile(each, [0.005, 0.995])
        ends += [float(low) - width, float(high) + width]
    margin = 0.02 * (max(ends) - min(ends)) or 1.0
    return min(ends) - margin, max(ends) + margin
