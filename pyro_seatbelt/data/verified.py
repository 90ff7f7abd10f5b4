"""Stored images that have been compared with their fingerprint, once per version of a file."""

import logging
from contextlib import suppress
from pathlib import Path

from pyro_seatbelt.data.cache import CachedImages
from pyro_seatbelt.documents import read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import replace
from pyro_seatbelt.formats import from_json, to_json

logger = logging.getLogger(__name__)


def check_once(cached: CachedImages, *, remedy: str) -> None:
    """Compares every byte with the fingerprint, unless that was done with these files before.

    A file beside the array keeps their sizes and times of change. Where it cannot be written they
    are compared every time.

    Args:
        cached: What is stored.
        remedy: How to make it anew, for the error.

    Raises:
        InputError: If the bytes are not those that were stored.
    """
    if _known(verified_path(cached.path)) == _versions(cached):
        return
    check_bytes(cached, remedy=remedy)
    mark_verified(cached)


def check_bytes(cached: CachedImages, *, remedy: str) -> None:
    """Compares every byte with the fingerprint.

    Args:
        cached: What is stored.
        remedy: How to make it anew, for the error.

    Raises:
        InputError: If the bytes are not those that were stored.
    """
    if not cached.is_intact():
        raise InputError(
            f"{cached.path}: damaged data set (its bytes do not have the recorded fingerprint): "
            f"{remedy}"
        )


def mark_verified(cached: CachedImages) -> None:
    """Notes that the bytes have the fingerprint, as they do when they have just been stored.

    Args:
        cached: What is stored.
    """
    try:
        replace(verified_path(cached.path), to_json(_versions(cached)))
    except OSError as error:
        logger.debug("%s: not noted as verified: %s", cached.path, error)


def verified_path(array: Path) -> Path:
    """Returns where it is noted that a stored array has been compared.

    Args:
        array: Its file.

    Example:
        >>> verified_path(Path("celeba.0123.npy")).name
        '.celeba.0123.verified'
    """
    return array.with_name(f".{array.stem}.verified")


def _versions(cached: CachedImages) -> dict[str, object]:
    """The fingerprint, and the size and time of change (nanoseconds) of each file."""
    files = [cached.path, cached.labels_path] if cached.labels else [cached.path]
    states = {path.name: path.stat() for path in files}
    return {
        "fingerprint": cached.fingerprint,
        "files": {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()},
    }


def _known(path: Path) -> dict[str, object] | None:
    with suppress(OSError, InputError):
        return from_json(path, read_bytes(path))
    return None
