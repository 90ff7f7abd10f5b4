"""How much of the way to the target distortions cover, with the blend of the images in grey."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyro_seatbelt.plots.style import COLOURS, FONT_SIZE, add_legend

BLEND = "#7F7F7F"
"""The grey of what mixing the images does."""


@dataclass(frozen=True)
class CoveredCurves:
    """What the pairs of a model have covered.

    Attributes:
        name: What the model is called.
        distortion: Relative distortions, shape `(k,)`.
        covered: The most that attacks have covered with so much or less, a row per pair, shape
            `(n, k)`; NaN where it is undefined.
        blend: What the blend covers, of that shape.
    """

    name: str
    distortion: NDArray[np.float64]
    covered: NDArray[np.float64]
    blend: NDArray[np.float64]


def covered_panels(models: Sequence[CoveredCurves]) -> Figure:
    """Draws the share of the way that is covered against the size of the distortion.

    Thin lines are pairs, thick ones their medians.

    Args:
        models: A panel for each.

    Returns:
        The figure.

    Raises:
        ValueError: Without models.

    Example:
        >>> grid = np.linspace(0, 1, 5)
        >>> figure = covered_panels([CoveredCurves("VAE", grid, grid[None] ** 0.3, grid[None])])
        >>> figure.axes[0].get_title()
        'VAE'
    """
    if not models:
        raise ValueError("expected one model or more, got none")
    columns = min(3, len(models))
    rows = -(-len(models) // columns)
    figure = Figure(figsize=(max(4.5, 3.2 * columns), 2.9 * rows + 0.4), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for ax in axes[len(models) :]:
        ax.set_visible(False)
    for number, (ax, model) in enumerate(zip(axes, models, strict=False)):
        _draw(ax, model)
        if number % columns == 0:
            ax.set_ylabel("share of the way covered", fontsize=9)
        if number + columns >= len(models):
            ax.set_xlabel("distortion / distance of the pair", fontsize=9)
            ax.tick_params(labelbottom=True)
    names = {"best attack, median over pairs": "attack", "blend of the two images": "blend"}
    drawn = {
        line.get_gid(): line
        for ax in figure.axes
        for line in ax.lines
        if line.get_gid() is not None
    }
    shown = [name for name, gid in names.items() if gid in drawn]
    add_legend(figure, shown, [drawn[names[name]] for name in shown])
    return figure


def _draw(ax: Axes, model: CoveredCurves) -> None:
    defined = np.isfinite(model.covered).all(axis=1)
    for y in (0.5, 0.9):
        ax.axhline(y, color="black", linewidth=0.6, alpha=0.35, linestyle=":")
    for values, colour, style, gid in (
        (model.blend[defined], BLEND, "--", "blend"),
        (model.covered[defined], COLOURS[0], "-", "attack"),
    ):
        if len(values):
            ax.plot(model.distortion, values.T, color=colour, linewidth=0.6, alpha=0.3)
            median = np.median(values, axis=0)
            ax.plot(model.distortion, median, color=colour, linewidth=2, linestyle=style, gid=gid)
    left_out = len(defined) - int(defined.sum())
    if left_out:
        ax.text(
            0.97, 0.04, f"{left_out} of {len(defined)} pairs undefined", fontsize=FONT_SIZE,
            ha="right", transform=ax.transAxes,
        )  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.set_title(model.name, fontsize=9)
    ax.tick_params(labelsize=FONT_SIZE)
    ax.grid(visible=True, alpha=0.25)
