"""Many small images on one sheet."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_GAP = 2
_MARGIN = 8
_TITLE = 14
_PAPER, _INK = (255, 255, 255), (0, 0, 0)
_FRAME = (200, 200, 200)


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
    height, width = (size * zoom for size in images.shape[2:])
    rows = -(-len(images) // columns)
    top = _MARGIN + (_TITLE + _GAP if title else 0)
    size = (
        2 * _MARGIN + columns * (width + _GAP) - _GAP,
        top + _MARGIN + rows * (height + _GAP) - _GAP,
    )
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((_MARGIN, _MARGIN // 2), title, fill=_INK, font=ImageFont.load_default(_TITLE))
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        place = _MARGIN + column * (width + _GAP), top + row * (height + _GAP)
        picture = Image.fromarray(np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0))
        sheet.paste(picture.resize((width, height), Image.Resampling.NEAREST), place)
        # white images need an edge on white paper
        corner = place[0] + width, place[1] + height
        draw.rectangle((place[0] - 1, place[1] - 1, *corner), outline=_FRAME)
    return sheet
