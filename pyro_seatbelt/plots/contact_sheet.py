"""Many small images on one sheet."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pyro_seatbelt.plots.image_grid import image_grid

_MARGIN = 8
_TITLE = 14
_FRAME = 200


def contact_sheet(
    images: NDArray[np.uint8], *, columns: int, title: str = "", zoom: int = 1
) -> Image.Image:
    """Lays images side by side, pixel by pixel, under a title.

    Args:
        images: Grey or colour values 0 to 255, shape `(n, C, H, W)` with C = 1 or 3.
        columns: How many go into a row.
        title: A line above.
        zoom: Each pixel becomes a square of so many.

    Returns:
        The sheet, in colour.

    Raises:
        ValueError: If the images are of another shape or type.

    Example:
        >>> import numpy as np
        >>> contact_sheet(np.zeros((6, 1, 64, 64), np.uint8), columns=3).size
        (212, 146)
    """
    if images.ndim != 4 or images.shape[1] not in {1, 3} or not len(images):
        raise ValueError(f"expected images of shape (n, C, H, W), C = 1 or 3, got {images.shape}")
    if images.dtype != np.uint8:
        raise ValueError(f"expected images of type uint8, got {images.dtype}")
    enlarged = np.kron(images, np.ones((zoom, zoom), np.uint8))
    # white images need an edge on white paper
    framed = np.pad(enlarged, [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=_FRAME)
    grid = image_grid(framed, columns=columns, gap=0, background=255)
    height, width, _ = grid.shape
    top = _MARGIN + (_TITLE + 2 if title else 0) - 1
    sheet = Image.new("RGB", (width + 2 * _MARGIN - 2, top + height + _MARGIN - 1), "white")
    if title:
        font = ImageFont.load_default(_TITLE)
        ImageDraw.Draw(sheet).text((_MARGIN, _MARGIN // 2), title, fill="black", font=font)
    sheet.paste(Image.fromarray(np.broadcast_to(grid, (height, width, 3))), (_MARGIN - 1, top))
    return sheet
