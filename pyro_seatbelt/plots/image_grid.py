"""Images side by side, as one array."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray


def image_grid(
    images: NDArray[Any], *, columns: int, gap: int = 1, background: float = 1.0
) -> NDArray[Any]:
    """Lays images out row by row.

    Args:
        images: Shape `(n, C, H, W)`.
        columns: Images in a row.
        gap: Pixels between neighbours.
        background: Value of the gaps, and of places without an image.

    Returns:
        One image of the same type, shape `(rows * (H + gap) - gap, columns * (W + gap) - gap, C)`.

    Example:
        >>> images = np.arange(3.0)[:, None, None, None]
        >>> image_grid(images, columns=2, gap=0, background=9)[..., 0].tolist()
        [[0.0, 1.0], [2.0, 9.0]]
    """
    num, channels, height, width = images.shape
    rows = -(-num // columns)
    down, across = height + gap, width + gap
    cells = np.full((rows * columns, channels, down, across), background, images.dtype)
    cells[:num, :, :height, :width] = images
    cells = cells.reshape(rows, columns, channels, down, across).transpose(0, 3, 1, 4, 2)
    sheet = cells.reshape(rows * down, columns * across, channels)
    return sheet[: rows * down - gap, : columns * across - gap]


def show_image(ax: Axes, image: NDArray[np.floating], *, frame: bool = False) -> None:
    """Shows pixels as they are, without ticks.

    Args:
        ax: Where.
        image: Pixels in [0, 1], shape `(H, W, C)` with C = 1 or 3; others are clipped.
        frame: Whether there is a line around it.
    """
    pixels = image.clip(0, 1)
    ax.imshow(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, cmap="gray", vmin=0, vmax=1)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(frame)
