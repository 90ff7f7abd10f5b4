"""The folder where decoded and drawn images are kept for the next run."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import platformdirs
from numpy.typing import NDArray

from pyro_seatbelt.data.array_file import BROKEN_ARRAY
from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.documents import parse_json, read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import expanded

_FORMAT = 1


def data_root() -> Path:
    """Return the folder for data sets: ``$SEATBELT_DATA``, or the user's cache folder.

    Example:
        >>> data_root().is_absolute()
        True
    """
    chosen = os.environ.get("SEATBELT_DATA")
    if chosen:
        return expanded(Path(chosen)).absolute()
    return platformdirs.user_cache_path("pyro-seatbelt", appauthor=False) / "data"


@dataclass(frozen=True)
class CachedImages:
    """What the cache knows of one stored set: the content of its JSON file.

    Attributes:
        name: Name of the set.
        version: Version of whatever made the images.
        shape: Shape of the stored array: the factors, then the image.
        image_shape: Channels, height and width of an image.
        fingerprint: SHA-256 (hex) over name, version, shape and bytes.
        provenance: Where the images come from.
        path: The array file.
        labels: Names of the class numbers that are stored beside the images.
    """

    name: str
    version: str
    shape: tuple[int, ...]
    image_shape: tuple[int, int, int]
    fingerprint: str
    provenance: Mapping[str, str | int]
    path: Path
    labels: tuple[str, ...] = ()

    @property
    def labels_path(self) -> Path:
        """The file of the class numbers, there only if there are labels."""
        return labels_path(self.path)

    @property
    def num_images(self) -> int:
        """How many images are stored."""
        return int(np.prod(self.shape) // np.prod(self.image_shape))

    @property
    def num_bytes(self) -> int:
        """How many bytes its files take."""
        files = [self.path, self.labels_path] if self.labels else [self.path]
        return sum(file.stat().st_size for file in files)

    def array(self) -> NDArray[np.uint8]:
        """Return the stored array as a memory map whose writes stay in memory."""
        # torch wants arrays that can be written; copy-on-write maps never change the file
        return np.lib.format.open_memmap(self.path, mode="c")

    def pixels(self) -> NDArray[np.uint8]:
        """Return the images one after the other, mapped, shape `(N, C, H, W)`."""
        return self.array().reshape(-1, *self.image_shape)

    def read_labels(self) -> dict[str, NDArray[np.uint8]]:
        """Read the stored class numbers by name, each of shape `(N,)`."""
        if not self.labels:
            return {}
        columns = np.load(self.labels_path, allow_pickle=False).T
        return dict(zip(self.labels, columns, strict=True))

    def is_intact(self) -> bool:
        """Read every byte and compare with the fingerprint."""
        found = fingerprint(self.name, self.version, self.array(), self.read_labels())
        return found == self.fingerprint

    def to_json(self) -> str:
        """Return the content of the JSON file."""
        content = {
            "format": _FORMAT,
            "name": self.name,
            "version": self.version,
            "array": self.path.name,
            "shape": self.shape,
            "image_shape": self.image_shape,
            "fingerprint": self.fingerprint,
            "provenance": dict(self.provenance),
            "labels": self.labels,
        }
        return json.dumps(content, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: bytes, root: Path) -> Self:
        """Parse the content of a JSON file in a folder.

        Raises:
            ValueError: If something in it is wrong.
            KeyError: If something is missing.
            TypeError: If something is of another type.
        """
        content = parse_json(text)
        if content["format"] != _FORMAT:
            raise ValueError(f"expected format {_FORMAT}, got {content['format']}")
        file = str(content["array"])
        if Path(file).name != file:
            raise ValueError(f"expected the name of a file beside it, got {file!r}")
        channels, height, width = (int(size) for size in content["image_shape"])
        shape = tuple(int(size) for size in content["shape"])
        expected = (height, width) if channels == 1 else (channels, height, width)
        if shape[-len(expected) :] != expected:
            raise ValueError(f"an array of shape {shape} does not hold images of {expected}")
        return cls(
            name=str(content["name"]),
            version=str(content["version"]),
            shape=shape,
            image_shape=(channels, height, width),
            fingerprint=str(content["fingerprint"]),
            provenance=dict(content["provenance"]),
            path=root / file,
            labels=tuple(str(label) for label in content.get("labels", ())),
        )


def labels_path(array: Path) -> Path:
    """Return where the class numbers of a stored array are.

    Example:
        >>> labels_path(Path("celeba.0123.npy")).name
        'celeba.0123.labels.npy'
    """
    return array.with_suffix(".labels.npy")


def file_stem(name: str, ids: int | None) -> str:
    """Return what the files of a stored set are called.

    Args:
        name: Name of the set.
        ids: Number of identities that were kept; None is the whole set.

    Returns:
        The name without a suffix.

    Example:
        >>> file_stem("synth-chairs", 20)
        'synth-chairs-ids20'
    """
    return name if ids is None else f"{name}-ids{ids}"


def stored_ids(root: Path, name: str) -> list[int | None]:
    """List what the cache holds of one set.

    Args:
        root: The folder.
        name: Name of the set.

    Returns:
        None for the whole set, a number for its first so many identities; in this order.

    Example:
        >>> stored_ids(Path("nowhere"), "synth-chairs")
        []
    """
    found = [re.fullmatch(rf"{re.escape(name)}(?:-ids(\d+))?", f.stem) for f in root.glob("*.json")]
    ids = [int(match[1]) if match[1] else None for match in found if match]
    return sorted(ids, key=lambda number: number or 0)


def remake(command: str, ids: int | None) -> str:
    """Say how to make a stored set anew.

    Args:
        command: The command for the whole set.
        ids: Number of identities that were kept; None is the whole set.

    Returns:
        The end of a sentence.

    Example:
        >>> remake("seatbelt data build synth-chairs", 20)
        'make it again with `seatbelt data build synth-chairs --ids 20`'
    """
    return f"make it again with `{command}{'' if ids is None else f' --ids {ids}'}`"


def find_cached(
    root: Path, name: str, *, ids: int | None = None, command: str
) -> CachedImages | None:
    """Look up a stored set and check that its files fit each other.

    Sizes and shapes are checked, not every byte: see :meth:`CachedImages.is_intact`.

    Args:
        root: The folder.
        name: Name of the set.
        ids: Number of identities that were kept; None is the whole set.
        command: What makes the set anew, for the error about a damaged one.

    Returns:
        What is stored, or None if there is nothing.

    Raises:
        InputError: If the files are damaged or incomplete.

    Example:
        >>> find_cached(Path("nowhere"), "chairs", command="seatbelt data build chairs") is None
        True
    """
    sidecar = root / f"{file_stem(name, ids)}.json"
    content = _read(sidecar)
    while content is not None:
        try:
            return _open(sidecar, content, remedy=remake(command, ids))
        except InputError:
            earlier, content = content, _read(sidecar)
            if content == earlier:
                raise
        # another process has put another set there meanwhile: look at that
    return None


def _read(sidecar: Path) -> bytes | None:
    try:
        return read_bytes(sidecar)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{sidecar}: cannot read: {error.strerror or error}") from error


def _open(sidecar: Path, content: bytes, *, remedy: str) -> CachedImages:
    """Check that the files of a stored set fit each other."""
    try:
        cached = CachedImages.from_json(content, sidecar.parent)
        stored = cached.array()
        labels = cached.read_labels()
    except (OSError, *BROKEN_ARRAY) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{sidecar}: damaged data set ({reason}): {remedy}") from error
    odd = [
        name
        for name, classes in labels.items()
        if classes.dtype != np.uint8 or classes.shape != (cached.num_images,)
    ]
    if odd:
        raise InputError(f"{cached.labels_path}: damaged data set (labels do not fit): {remedy}")
    if stored.dtype != np.uint8 or stored.shape != cached.shape:
        raise InputError(
            f"{cached.path}: damaged data set (expected uint8 {cached.shape}, "
            f"got {stored.dtype} {stored.shape}): {remedy}"
        )
    return cached
