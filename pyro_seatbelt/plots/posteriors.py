"""How the posteriors of some images overlap, layer by layer."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyro_seatbelt.plots.style import FONT_SIZE, add_legend, line_style


def posterior_overlap(
    draws: Mapping[str, Mapping[str, NDArray[np.floating]]],
    *,
    notes: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Draws the central 95 % of every latent dimension, image beside image, one layer per row.

    Args:
        draws: For each layer by name, and in it for each image by name, draws of shape `(n, D)`.
        notes: A few words about each layer, for its title.
        title: A line above.

    Returns:
        The figure.

    Example:
        >>> z = np.random.default_rng(0).normal(size=(100, 3))
        >>> figure = posterior_overlap({"z1": {"x": z, "x + d": z + 1, "target": z + 2}})
        >>> figure.axes[0].get_title()
        'z1'
    """
    widest = max(next(iter(layer.values())).shape[1] for layer in draws.values())
    figure = Figure(
        figsize=(min(14.0, max(6.0, 0.55 * widest + 2)), 1.7 * len(draws) + 0.9),
        layout="constrained",
    )
    for ax, (site, images) in zip(
        figure.subplots(len(draws), 1, squeeze=False)[:, 0], draws.items(), strict=True
    ):
        step = 0.75 / len(images)
        for number, (name, values) in enumerate(images.items()):
            place = np.arange(values.shape[1]) + step * (number - (len(images) - 1) / 2)
            low, middle, high = np.quantile(values, [0.025, 0.5, 0.975], axis=0)
            look = {**line_style(number), "linestyle": ""}
            ax.vlines(place, low, high, color=look["color"], linewidth=2.2, alpha=0.65)
            ax.plot(place, middle, markersize=4, label=name, **look)
        note = "" if notes is None or site not in notes else f": {notes[site]}"
        ax.set_title(f"{site}{note}", fontsize=9)
        count = next(iter(images.values())).shape[1]
        ax.set_xticks(np.arange(count) if count <= 25 else np.arange(0, count, count // 10))
        ax.set_xlim(-0.6, count - 0.4)
        ax.tick_params(labelsize=FONT_SIZE)
        ax.grid(visible=True, axis="y", alpha=0.25)
    figure.axes[-1].set_xlabel(
        "latent dimension (median and central 95 % of the draws)", fontsize=9
    )
    add_legend(figure, list(next(iter(draws.values()))), figure.axes[0].lines)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure
