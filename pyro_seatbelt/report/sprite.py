"""Many small images in one file."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_COLUMNS = 16
_WIDEST = 16_383  # of a WebP picture


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """Small images of one size, side by side in one picture.

    Attributes:
        source: The picture, a data URI.
        columns: Images in a row of it.
        width: Of one image, in pixels.
        height: Of one image.
        num: How many images there are.
        num_bytes: How large the picture is, before it became text.
    """

    source: str
    columns: int
    width: int
    height: int
    num: int
    num_bytes: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self.columns * self.width, -(-self.num // self.columns) * self.height

    def window(self, cell: int) -> str:
        """Where an image lies, as the `viewBox` of an SVG element has it."""
        row, column = divmod(cell, self.columns)
        return f"{column * self.width} {row * self.height} {self.width} {self.height}"


def make_sprite(
    images: Sequence[NDArray[np.uint8]], *, quality: int | None = None
) -> tuple[Sprite, list[int]]:
    """Puts images into one WebP picture, equal ones once.

    Args:
        images: Grey or colour values 0 to 255, each of shape `(C, H, W)` with C = 1 or 3.
        quality: How well they are kept, 1 to 100; None keeps every pixel as it is.

    Returns:
        The sprite, and where in it each image is.

    Raises:
        ValueError: Without images, or if they are not of one such shape and type.

    Example:
        >>> white, black = np.full((1, 8, 8), 255, np.uint8), np.zeros((1, 8, 8), np.uint8)
        >>> sprite, cells = make_sprite([white, black, white])
        >>> sprite.num, cells, sprite.window(1)
        (2, [0, 1, 0], '8 0 8 8')
    """
    shapes = {image.shape for image in images}
    if len(shapes) != 1 or any(image.dtype != np.uint8 for image in images):
        raise ValueError(f"expected uint8 images of one shape, got {sorted(shapes)}")
    [shape] = shapes
    if len(shape) != 3 or shape[0] not in {1, 3}:
        raise ValueError(f"expected images of shape (C, H, W), C = 1 or 3, got {shape}")
    places: dict[bytes, int] = {}
    cells = [places.setdefault(image.tobytes(), len(places)) for image in images]
    first = {cell: image for image, cell in zip(reversed(images), reversed(cells), strict=True)}
    _, height, width = shape
    columns = max(1, min(_COLUMNS, len(first), _WIDEST // width))
    rows = -(-len(first) // columns)
    sheet = np.zeros((rows * height, columns * width, shape[0]), np.uint8)
    for cell, image in first.items():
        row, column = divmod(cell, columns)
        place = sheet[row * height :, column * width :]
        place[:height, :width] = image.transpose(1, 2, 0)
    content = io.BytesIO()
    picture = Image.fromarray(sheet[..., 0] if shape[0] == 1 else sheet)
    if quality is None:
        picture.save(content, "WEBP", lossless=True, method=4)
    else:
        picture.save(content, "WEBP", quality=quality, method=4)
    sprite = Sprite(
        source=data_uri(content.getvalue(), "webp"),
        columns=columns,
        width=width,
        height=height,
        num=len(first),
        num_bytes=len(content.getvalue()),
    )
    return sprite, cells


def data_uri(content: bytes, kind: str) -> str:
    """Writes a picture as text.

    Args:
        content: The file.
        kind: Its format: `png`, `gif`, `jpeg` or `webp`.

    Example:
        >>> data_uri(b"GIF89a", "gif")
        'data:image/gif;base64,R0lGODlh'
    """
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
