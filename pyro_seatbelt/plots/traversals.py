"""What latent dimensions do to an image."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray


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
        The figure, one image of 0.6 inches a column.

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
    sheet = np.ones((rows, height + 1, columns, width + 1, channels))
    sheet[:, :height, :, :width] = images.clip(0, 1).transpose(0, 3, 1, 4, 2)
    sheet = sheet.reshape(rows * (height + 1), columns * (width + 1), channels)
    figure = Figure(figsize=(0.6 * columns + 0.7, 0.6 * rows + 0.8), layout="constrained")
    ax = figure.subplots()
    ax.imshow(sheet[..., 0] if channels == 1 else sheet, cmap="gray", vmin=0, vmax=1)
    ax.set_yticks(height / 2 + (height + 1) * np.arange(rows), names, fontsize=8)
    shown = range(0, columns, max(1, columns // 6))
    ax.set_xticks(
        [width / 2 + (width + 1) * column for column in shown],
        [f"{values[column]:g}" for column in shown],
        fontsize=8,
    )
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if title:
        figure.suptitle(title, fontsize=9)
    return figure
