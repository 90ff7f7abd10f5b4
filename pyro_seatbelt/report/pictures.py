"""Picture files as part of a page, as far as there is room for them."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.manifest import NAME, read_checked
from pyro_seatbelt.report.byte_budget import ByteBudget
from pyro_seatbelt.report.sprite import data_uri

FORMATS = ("PNG", "GIF", "JPEG", "WEBP")
"""What every browser shows."""

_BOMBS = (Image.DecompressionBombWarning, Image.DecompressionBombError)


_WIDTH = 1100
"""Of a picture that is packed, in pixels."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that is kept in the page.

    Attributes:
        title: What it shows.
        source: The picture, a data URI.
        width: In pixels.
        height: In pixels.
        num_bytes: How large it is, before it became text.
        animation: The same, moving.
    """

    title: str
    source: str
    width: int
    height: int
    num_bytes: int
    animation: "Picture | None" = None


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Pictures under a heading.

    Attributes:
        title: The heading.
        pictures: The pictures.
        notes: What could not be shown.
    """

    title: str
    pictures: Sequence[Picture]
    notes: Sequence[str] = ()


def gallery(title: str, files: Sequence[tuple[Path, str]], budget: ByteBudget) -> Gallery | None:
    """Collects pictures that are there.

    Args:
        title: The heading.
        files: PNG files and what they show; an animation lies beside them as `.gif`.
        budget: How much fits; a picture that does not is packed, an animation is left out.

    Returns:
        The pictures; None if there are none.
    """
    pictures, notes = [], []
    for path, what in files:
        if not path.is_file():
            continue
        try:
            picture = _fitting(path, what, budget)
        except InputError as error:
            notes.append(str(error))
            continue
        if picture is None:
            notes.append(f"{path.name} is left out, to keep the page small.")
        else:
            pictures.append(picture)
    return Gallery(title=title, pictures=pictures, notes=notes) if pictures or notes else None


def _fitting(path: Path, what: str, budget: ByteBudget) -> Picture | None:
    picture = embed(path, what)
    if picture.num_bytes > budget.left / 3:
        picture = embed(path, what, width=_WIDTH)
    if not budget.take(picture.num_bytes):
        return None
    moving = path.with_suffix(".gif")
    if moving.is_file():
        animation = embed(moving, f"{what}, moving")
        if animation.num_bytes < budget.left / 2 and budget.take(animation.num_bytes):
            return replace(picture, animation=animation)
    return picture


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
        InputError: If the file is absent, damaged or of another kind, or is not the one that the
            manifest of its folder, or of the one around it, lists.
    """
    try:
        content = read_checked(path, _listing(path))
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                picture.load()
                kind = str(picture.format).lower()
                if width is not None:
                    return _packed(picture, title, width)
                size = picture.size
    except InputError as error:
        raise InputError(f"{path.name}: the picture is damaged") from error
    except (OSError, ValueError, SyntaxError, *_BOMBS) as error:
        raise InputError(f"{path.name}: the picture cannot be read") from error
    return Picture(
        title=title,
        source=data_uri(content, kind),
        width=size[0],
        height=size[1],
        num_bytes=len(content),
    )


def _listing(path: Path) -> Path:
    """The folder whose manifest may list a picture."""
    around = path.parent.parent
    return around if not (path.parent / NAME).exists() and (around / NAME).exists() else path.parent


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
