"""The figures of a folder, as far as there is room for them."""

from collections.abc import Sequence
from pathlib import Path

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.report import Gallery, Picture, embed
from pyro_seatbelt.report.pages.room import Room

_WIDTH = 1100


def gallery(title: str, files: Sequence[tuple[Path, str]], room: Room) -> Gallery | None:
    """Collects pictures that are there.

    Args:
        title: The heading.
        files: PNG files and what they show; an animation lies beside them as `.gif`.
        room: How much fits; a picture that does not is packed, an animation is left out.

    Returns:
        The pictures; None if there are none.
    """
    pictures, notes = [], []
    for path, what in files:
        if not path.is_file():
            continue
        try:
            picture = _fitting(path, what, room)
        except InputError as error:
            notes.append(str(error))
            continue
        if picture is None:
            notes.append(f"{path.name} is left out, to keep the page small.")
        else:
            pictures.append(picture)
    return Gallery(title=title, pictures=pictures, notes=notes) if pictures or notes else None


def _fitting(path: Path, what: str, room: Room) -> Picture | None:
    picture = embed(path, what)
    if picture.num_bytes > room.left / 3:
        picture = embed(path, what, width=_WIDTH)
    if not room.take(picture.num_bytes):
        return None
    moving = path.with_suffix(".gif")
    if moving.is_file():
        animation = embed(moving, f"{what}, moving")
        if animation.num_bytes < room.left / 2 and room.take(animation.num_bytes):
            return Picture(**{**vars(picture), "animation": animation})
    return picture
