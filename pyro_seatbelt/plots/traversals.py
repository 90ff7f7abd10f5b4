"""What latent dimensions do to an image."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyro_seatbelt.plots.image_grid import image_grid, show_image


def traversal_grid(
    images: NDArray[np.floating],
    values: Sequence[float],
    *,
    labels: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Draws a row for each latent dimension and a column for each value of it.

    Args:
        images: Pixels in [0, 1], shape `(dimensions, values, C, H, W)` with C = 1 or 3.
        values: Where the dimension is, for the line below.
        labels: Names of the rows, by default their numbers.
        title: A line above.

    Returns:
        The figure, 0.6 inches per image.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> images = np.random.default_rng(0).random((4, 7, 1, 64, 64))
        >>> len(traversal_grid(images, range(-3, 4)).axes)
        1
    """
    if images.ndim != 5 or images.shape[2] not in {1, 3} or not images.size:
        raise ValueError(
            "expected images of shape (dimensions, values, C, H, W) with C = 1 or 3, got "
            f"{images.shape}"
        )
    rows, columns, channels, height, width = images.shape
    names = [str(row) for row in range(rows)] if labels is None else list(labels)
    if len(values) != columns or len(names) != rows:
        raise ValueError(
            f"expected {columns} values and {rows} labels, got {len(values)} and {len(names)}"
        )
    figure = Figure(figsize=(0.6 * columns + 0.7, 0.6 * rows + 0.8), layout="constrained")
    ax = figure.subplots()
    sheet = image_grid(images.reshape(-1, channels, height, width), columns=columns)
    show_image(ax, sheet)
    ax.set_yticks(height / 2 + (height + 1) * np.arange(rows), names, fontsize=8)
    shown = range(0, columns, max(1, columns // 6))
    ax.set_xticks(
        [width / 2 + (width + 1) * column for column in shown],
        [f"{values[column]:g}" for column in shown],
        fontsize=8,
    )
    ax.tick_params(length=0)
    if title:
        figure.suptitle(title, fontsize=9)
    return figure
