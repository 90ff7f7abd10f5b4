"""Rows of small images, each with a name."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyro_seatbelt.plots.image_grid import image_grid, show_image


def image_rows(
    rows: Mapping[str, NDArray[np.floating]],
    *,
    columns: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Draws images in rows.

    Args:
        rows: Pixels in [0, 1] by name of the row, each of shape `(n, C, H, W)` with C = 1 or 3;
            rows may differ in length.
        columns: A few words above each column.
        title: A line above.

    Returns:
        The figure, 0.8 inches per image.

    Raises:
        ValueError: If something else is given.

    References:
        | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Figure 4

    Example:
        >>> images = np.random.default_rng(0).random((8, 1, 64, 64))
        >>> figure = image_rows({"input": images, "VAE": images})
        >>> [ax.get_ylabel() for ax in figure.axes]
        ['input', 'VAE']
    """
    if not rows:
        raise ValueError("expected one row of images or more, got none")
    for name, batch in rows.items():
        if batch.ndim != 4 or batch.shape[1] not in {1, 3} or not len(batch):
            raise ValueError(
                f"expected {name} images of shape (n, C, H, W) with C = 1 or 3, got {batch.shape}"
            )
    count = max(len(batch) for batch in rows.values())
    # names lie beside their rows: room for the longest line of them
    margin = 0.3 + 0.07 * max(len(line) for name in rows for line in name.split("\n"))
    above = 0.55 + (0.15 if columns else 0)
    figure = Figure(figsize=(0.8 * count + margin, 0.8 * len(rows) + above), layout="constrained")
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for ax, (name, batch) in zip(axes, rows.items(), strict=True):
        show_image(ax, image_grid(batch, columns=count))
        ax.set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center")
    if columns is not None:
        width = next(iter(rows.values())).shape[3] + 1
        axes[0].xaxis.tick_top()
        axes[0].set_xticks([width * (n + 0.5) for n in range(len(columns))], columns, fontsize=8)
        axes[0].tick_params(length=0)
    if title:
        figure.suptitle(title, fontsize=9)
    return figure
