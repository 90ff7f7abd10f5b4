"""How hard models are to move, against how good they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pyro_seatbelt.plots.covered import BLEND
from pyro_seatbelt.plots.style import COLOURS, FONT_SIZE, add_legend, line_style

FILLS = ("full", "none", "left", "top")
"""How markers are filled, in every round of the colours."""


@dataclass(frozen=True)
class QualityPoint:
    """A model.

    Attributes:
        name: What it is called.
        resistance: Its median r50; NaN where that is undefined, and nothing is drawn.
        low: Lower end of the interval; NaN if there is none.
        high: Its upper end.
        blend: The same of a mixture of the images.
        mse: Mean squared error of clean reconstructions, a number per seed.
        rate: KL from the priors in nats per image, likewise.
    """

    name: str
    resistance: float
    low: float
    high: float
    blend: float
    mse: Sequence[float]
    rate: Sequence[float]


def resistance_against_quality(models: Sequence[QualityPoint]) -> Figure:
    """Draws r50 against the error and the rate, with intervals, and the blend's in grey.

    Args:
        models: The models.

    Returns:
        The figure.

    Raises:
        ValueError: Without models.

    Example:
        >>> point = QualityPoint("VAE", 0.1, 0.05, 0.2, 0.5, [0.02, 0.03], [20.0, 22.0])
        >>> figure = resistance_against_quality([point])
        >>> [ax.get_xlabel() for ax in figure.axes]
        ['mean squared error', 'rate, nats per image']
    """
    if not models:
        raise ValueError("expected one model or more, got none")
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    handles: list[Artist] = []
    names: list[str] = []
    blends: list[Artist] = []
    for ax, quality in zip(axes, ("mse", "rate"), strict=True):
        for number, model in enumerate(models):
            if not np.isfinite(model.resistance):
                continue
            values = np.asarray(getattr(model, quality), dtype=float)
            middle = float(values.mean())
            ends = np.array([[model.resistance - model.low], [model.high - model.resistance]])
            look = line_style(number) | {
                "linestyle": "none",  # points have no dashes to tell them apart
                "fillstyle": FILLS[number // len(COLOURS) % len(FILLS)],
                "markerfacecoloralt": "white",
            }
            ax.plot([middle] * 2, [model.resistance, model.blend], color=BLEND, linewidth=0.7)
            blends += ax.plot(middle, model.blend, "_", color=BLEND, markersize=10)
            drawn = ax.errorbar(
                middle,
                model.resistance,
                yerr=np.nan_to_num(ends),
                xerr=[[middle - values.min()], [values.max() - middle]],
                capsize=2.5,
                linewidth=1.1,
                markersize=6,
                **look,
            )
            if ax is axes[0]:
                handles.append(drawn.lines[0])
                names.append(model.name)
        ax.set_ylim(0, 1.02)
        ax.margins(x=0.15)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.tick_params(labelsize=FONT_SIZE)
        ax.grid(visible=True, alpha=0.25)
    axes[0].set_xlabel("mean squared error", fontsize=9)
    axes[1].set_xlabel("rate, nats per image", fontsize=9)
    axes[0].set_ylabel("r50: distortion that covers half\nof the way (1 is best)", fontsize=9)
    if blends:
        names.append("blend of the two images")
    add_legend(figure, names, [*handles, *blends[:1]])
    return figure
