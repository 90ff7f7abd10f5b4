"""Picture files as part of a page."""

import io
import warnings
from pathlib import Path

from PIL import Image

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.report.parts import Picture
from pyro_seatbelt.report.sprite import data_uri

FORMATS = ("PNG", "GIF", "JPEG", "WEBP")
"""What every browser shows."""

_BOMBS = (Image.DecompressionBombWarning, Image.DecompressionBombError)


def embed(path: Path, title: str, *, width: int | None = None) -> Picture:
    """Reads a picture so that a page can hold it.

    Args:
        path: A PNG, GIF, JPEG or WebP file.
        title: What it shows.
        width: None keeps the file as it is; else it is made smaller: at most so many pixels wide,
            and packed with a loss that can hardly be seen.

    Returns:
        The picture.

    Raises:
        InputError: If the file is absent, damaged or of another kind.
    """
    try:
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                picture.load()
                kind = str(picture.format).lower()
                if width is not None:
                    return _packed(picture, title, width)
                size = picture.size
    except (OSError, ValueError, SyntaxError, *_BOMBS) as error:
        raise InputError(f"{path.name}: the picture cannot be read") from error
    return Picture(
        title=title,
        source=data_uri(content, kind),
        width=size[0],
        height=size[1],
        num_bytes=len(content),
    )


def _packed(picture: Image.Image, title: str, width: int) -> Picture:
    small = picture.convert("RGB")
    small.thumbnail((width, 16 * width))
    content = io.BytesIO()
    small.save(content, "WEBP", quality=70, method=4)
    return Picture(
        title=title,
        source=data_uri(content.getvalue(), "webp"),
        width=small.width,
        height=small.height,
        num_bytes=len(content.getvalue()),
    )
