"""Images beside what a model makes of them."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyro_seatbelt.plots.image_rows import image_rows


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
        The figure, 0.8 inches per image.

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
    return image_rows(rows, title=title)
