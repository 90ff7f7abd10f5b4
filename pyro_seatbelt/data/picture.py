"""One picture file, decoded with suspicion."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from pyro_seatbelt.documents import check_regular
from pyro_seatbelt.errors import InputError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Formats that are read, by Pillow's names."""

# what Pillow's readers raise on damaged files
_BROKEN = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    OverflowError,
    struct.error,
    zlib.error,
)


@contextmanager
def refusing_bombs() -> Iterator[None]:
    """While open, pictures that Pillow finds suspiciously large are refused, not warned about.

    Open it once around all threads that read: it changes a setting of the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def read_picture(
    file: Path | BinaryIO,
    *,
    label: str,
    formats: tuple[str, ...] = FORMATS,
    size: tuple[int, int] | None = None,
) -> Image.Image:
    """Decode a picture and lay it on white where it is transparent.

    Args:
        file: The file, or an open one.
        label: What errors call it.
        formats: Formats to accept.
        size: Width and height that it must have; checked before anything is decoded.

    Returns:
        The picture in Pillow's mode `L` (grey) or `RGB`, 8 bits per channel. Only the first
        frame of an animation is read.

    Raises:
        InputError: If it is not such a picture, is damaged, too large or of the wrong size.

    Example:
        >>> import io
        >>> read_picture(io.BytesIO(b"GIF?"), label="cat.gif", formats=("PNG", "GIF"))
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: cat.gif: expected a picture (PNG, GIF)
    """
    try:
        if isinstance(file, Path):
            check_regular(file)
        with Image.open(file, formats=formats) as picture:
            if size is None or picture.size == size:
                picture.load()
                return _flatten(picture)
            found = picture.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{label}: the picture is too large to be opened safely") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{label}: expected a picture ({', '.join(formats)})") from error
    except _BROKEN as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{label}: damaged picture ({reason})") from error
    raise InputError(
        f"{label}: expected a picture of {size[0]}x{size[1]} pixels, got {found[0]}x{found[1]}"
    )


def crop_centre(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Cut a piece out of the middle of a picture.

    Args:
        picture: The picture.
        width: Width of the piece in pixels.
        height: Height of the piece in pixels.

    Returns:
        The piece.

    Example:
        >>> crop_centre(Image.new("L", (600, 600)), 400, 400).size
        (400, 400)
    """
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def middle_square(picture: Image.Image) -> Image.Image:
    """Cut the largest square out of the middle of a picture.

    Args:
        picture: The picture.

    Returns:
        The square.

    Example:
        >>> middle_square(Image.new("L", (100, 80))).size
        (80, 80)
    """
    side = min(picture.size)
    return crop_centre(picture, side, side)


def shrink(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    """Resample a picture to a square with Lanczos' filter.

    Args:
        picture: A picture in mode `L` or `RGB`.
        size: Height and width of the square.

    Returns:
        Grey values, shape `(C, size, size)`; C is 1 where the channels of a colour picture agree.

    Example:
        >>> shrink(Image.new("RGB", (100, 80), "white"), 64).shape
        (1, 64, 64)
        >>> shrink(Image.new("RGB", (100, 80), "red"), 64).shape
        (3, 64, 64)
    """
    values = np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))
    if values.ndim == 2:
        return values[None]
    channels = values.transpose(2, 0, 1)
    return channels[:1] if (channels == channels[:1]).all() else channels


def read_pixels(file: Path, image_shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Reads a picture file as one of the images of a data set.

    It is turned as its camera says, cut to the middle in the images' proportions, resampled with
    Lanczos' filter and, where the images are grey, made grey.

    Args:
        file: The picture.
        image_shape: Channels (1 or 3), height and width of the images.

    Returns:
        Grey values, of that shape.

    Raises:
        InputError: If there is no such picture, it is damaged, or smaller than the images.

    Example:
        >>> read_pixels(Path("missing.png"), (1, 64, 64))
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: missing.png: no such picture
    """
    channels, height, width = image_shape
    if not file.is_file():
        raise InputError(f"{file}: no such picture")
    with refusing_bombs():
        picture = ImageOps.exif_transpose(read_picture(file, label=str(file)))
    scale = min(picture.width / width, picture.height / height)
    if scale < 1:
        raise InputError(
            f"{file}: expected a picture of at least {width}x{height} pixels, got "
            f"{picture.width}x{picture.height}"
        )
    middle = crop_centre(picture, round(width * scale), round(height * scale))
    resized = middle.resize((width, height), Image.Resampling.LANCZOS)
    values = np.asarray(resized.convert("L" if channels == 1 else "RGB"))
    return values.reshape(height, width, channels).transpose(2, 0, 1).copy()


def _flatten(picture: Image.Image) -> Image.Image:
    """Convert whatever Pillow decoded to 8 bits without transparency."""
    if picture.mode.startswith("I"):
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("more than 16 bits per channel")
        return Image.fromarray((values >> 8).astype(np.uint8))
    if picture.mode == "F":
        raise ValueError("floating-point values have no fixed white")
    if picture.has_transparency_data:
        opaque = Image.new("RGBA", picture.size, "white")
        opaque.alpha_composite(picture.convert("RGBA"))
        return opaque.convert("RGB")
    return picture.convert("L" if picture.mode in {"1", "L"} else "RGB")
