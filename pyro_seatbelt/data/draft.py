"""A data set on its way into the cache."""

import io
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.cache import CachedImages, file_stem, labels_path
from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.data.verified import mark_verified, verified_path
from pyro_seatbelt.files import replace, sync, writing
from pyro_seatbelt.locks import is_abandoned, lock
from pyro_seatbelt.signals import stopping

UInt8Map = np.memmap[tuple[int, ...], np.dtype[np.uint8]]

_UNFINISHED = ".part"
_SECONDS_UNTIL_STALE = 24 * 3600
"""When a file counts as left behind where there are no locks."""

_SECONDS_UNTIL_LOCKED = 10
"""What a process may take between making its file and locking it."""


class Draft:
    """A set that is being written; :meth:`commit` gives it its place in the cache.

    Made by :func:`draft`.

    Attributes:
        path: The unfinished array file.
        array: Its content, a memory map that can be written.
    """

    def __init__(
        self, root: Path, name: str, *, ids: int | None, path: Path, array: UInt8Map
    ) -> None:
        self.path = path
        self.array = array
        self._root = root
        self._name = name
        self._stem = file_stem(name, ids)

    def commit(
        self,
        *,
        version: str,
        image_shape: tuple[int, int, int],
        provenance: Mapping[str, str | int],
        labels: Mapping[str, NDArray[np.uint8]] | None = None,
    ) -> CachedImages:
        """Give the finished array its final name, and then the JSON file that points to it.

        Until the JSON file is renamed, which happens at once or not at all,
        whatever was stored before stays in place and usable.

        Args:
            version: Version of whatever made the images.
            image_shape: Channels, height and width of an image.
            provenance: Where the images come from.
            labels: Class numbers to be stored beside the images, by name, each of shape `(N,)`.

        Returns:
            What is stored now.
        """
        digest = fingerprint(self._name, version, self.array, labels)
        cached = CachedImages(
            name=self._name,
            version=version,
            shape=self.array.shape,
            image_shape=image_shape,
            fingerprint=digest,
            provenance=provenance,
            path=self._root / f"{self._stem}.{digest[:16]}.npy",
            labels=tuple(labels or ()),
        )
        sidecar = self._root / f"{self._stem}.json"
        earlier = _array_named_by(sidecar)
        with writing(self._root):
            self.array.flush()
            sync(self.path)
            self.path.replace(cached.path)
            if labels:
                columns = np.stack(list(labels.values()), 1)
                replace(cached.labels_path, _as_array_file(columns))
            replace(sidecar, cached.to_json().encode())
        mark_verified(cached)
        if earlier is not None and earlier != cached.path:
            _discard(earlier)
            _discard(labels_path(earlier))
            _discard(verified_path(earlier))
        return cached


@contextmanager
def draft(
    root: Path, name: str, shape: tuple[int, ...], *, ids: int | None = None
) -> Iterator[Draft]:
    """Open an array file to be filled; it is removed unless it is committed.

    Several processes may write the same set at once: each has a file of its
    own, and the last to commit stays.

    Args:
        root: The folder, made if need be.
        name: Name of the set.
        shape: Shape of the array.
        ids: Number of identities that are kept; None is the whole set.

    Yields:
        The draft.

    Raises:
        InputError: If the folder cannot be written or has no space left.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with draft(Path(folder), "black", (2, 1, 64, 64)) as black:
        ...         black.array[:] = 0
        ...         cached = black.commit(version="1", image_shape=(1, 64, 64), provenance={})
        ...     cached.num_images
        2
    """
    path = root / f".{file_stem(name, ids)}.{secrets.token_hex(8)}{_UNFINISHED}"
    try:
        with writing(root):
            root.mkdir(parents=True, exist_ok=True)
            _remove_stale(root)
            path.touch()
        with stopping(), lock(path):  # so that others see that it is not abandoned
            with writing(root):
                array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
                _reserve(path)
            yield Draft(root, name, ids=ids, path=path, array=array)
    finally:
        _discard(path)


def _array_named_by(sidecar: Path) -> Path | None:
    """Return the array of the earlier set, if its JSON file can be read."""
    try:
        return CachedImages.from_json(sidecar.read_bytes(), sidecar.parent).path
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _as_array_file(array: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _discard(path: Path) -> None:
    """Remove a file if it is there and can be removed."""
    with suppress(OSError):
        path.unlink()


def _reserve(path: Path) -> None:
    """Claim the space for a file now: writing to a map on a full disk would kill the process."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _remove_stale(root: Path) -> None:
    """Remove what killed processes left behind."""
    for left in root.glob(f".*{_UNFINISHED}"):
        with suppress(OSError):
            status = left.stat(follow_symlinks=False)
            age = time.time() - status.st_mtime
            begun = status.st_size > 0 or age > _SECONDS_UNTIL_LOCKED
            if age > _SECONDS_UNTIL_STALE or (begun and is_abandoned(left)):
                left.unlink()
