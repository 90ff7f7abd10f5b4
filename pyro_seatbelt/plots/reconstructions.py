"""Images beside what a model makes of them."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray


def reconstruction_grid(
    images: NDArray[np.floating],
    reconstructions: NDArray[np.floating],
    samples: NDArray[np.floating] | None = None,
    *,
    title: str = "",
) -> Figure:
    """Draws inputs above their reconstructions, and draws from the prior below.

    Args:
        images: Pixels in [0, 1], shape `(n, C, H, W)` with C = 1 or 3.
        reconstructions: Of the same shape.
        samples: Images drawn from the prior, shape `(m, C, H, W)`.
        title: A line above.

    Returns:
        The figure, one image of 0.8 inches a column.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> images = np.random.default_rng(0).random((8, 1, 64, 64))
        >>> len(reconstruction_grid(images, images, images).axes)
        3
    """
    if images.shape != reconstructions.shape:
        raise ValueError(
            f"expected reconstructions of shape {images.shape}, got {reconstructions.shape}"
        )
    rows = {"input": images, "reconstruction": reconstructions}
    if samples is not None:
        rows["prior sample"] = samples
    for name, batch in rows.items():
        if batch.ndim != 4 or batch.shape[1] not in {1, 3} or not len(batch):
            raise ValueError(
                f"expected {name} images of shape (n, C, H, W) with C = 1 or 3, got {batch.shape}"
            )
    columns = max(len(batch) for batch in rows.values())
    figure = Figure(figsize=(0.8 * columns + 0.3, 0.8 * len(rows) + 0.4), layout="constrained")
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for ax, (name, batch) in zip(axes, rows.items(), strict=True):
        strip = _strip(batch, columns)
        grey = strip.shape[-1] == 1
        ax.imshow(strip[..., 0] if grey else strip, cmap="gray", vmin=0, vmax=1)
        ax.set_ylabel(name, fontsize=8)
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
    if title:
        figure.suptitle(title, fontsize=9)
    return figure


def _strip(batch: NDArray[np.floating], columns: int) -> NDArray[np.floating]:
    """Lays images side by side on white, a pixel apart: shape `(H, columns * (W + 1), C)`."""
    count, channels, height, width = batch.shape
    strip = np.ones((columns, height, width + 1, channels))
    strip[:count, :, :width] = batch.clip(0, 1).transpose(0, 2, 3, 1)
    return strip.transpose(1, 0, 2, 3).reshape(height, columns * (width + 1), channels)
