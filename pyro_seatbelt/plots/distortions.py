"""How much distortion buys how much of the target."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyro_seatbelt.plots.lines import Line, draw_lines
from pyro_seatbelt.plots.style import FONT_SIZE


def distortion_curves(
    curves: Mapping[str, tuple[NDArray[np.floating], NDArray[np.floating], float]],
    *,
    area: float | None = None,
    title: str = "",
) -> Figure:
    """Draws distortion-distance curves, with the area under each in the legend.

    Args:
        curves: For each pair by name its distortions, its distances and the area; empty curves
            are left out.
        area: The mean area.
        title: A line above.

    Returns:
        The figure.

    References:
        | Adversarial Attacks on Variational Autoencoders (Gondim-Ribeiro et al., 2018)

    Example:
        >>> curve = (np.array([0.0, 1.0]), np.array([1.0, 0.2]), 0.6)
        >>> distortion_curves({"pair 0": curve}).axes[0].get_legend().texts[0].get_text()
        'pair 0 (0.60)'
    """
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    ax = figure.subplots()
    lines = [
        Line(name=f"{name} ({own:.2f})", x=distortion.tolist(), y=distance.tolist())
        for name, (distortion, distance, own) in curves.items()
    ]
    draw_lines(ax, lines)
    distances = [0.0, 1.0, *(distance for line in lines for distance in line.y)]
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(min(distances) - 0.05, max(distances) + 0.05)
    ax.set_xlabel("distortion, relative to the distance from input to target", fontsize=9)
    ax.set_ylabel("distance from the target\n(1: clean, 0: its own reconstruction)", fontsize=9)
    if ax.lines:
        heading = "area under the curve" if area is None else f"AUDDC {area:.3f}"
        if len(ax.lines) < len(curves):
            heading += f"\nof {len(ax.lines)} in {len(curves)} pairs"
        ax.legend(
            title=heading,
            fontsize=FONT_SIZE,
            title_fontsize=FONT_SIZE,
            frameon=False,
            loc="center left",
            bbox_to_anchor=(1, 0.5),
        )
    if title:
        figure.suptitle(title, fontsize=10)
    return figure
