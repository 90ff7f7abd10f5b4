"""What the registry knows of a data set."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent


@dataclass(frozen=True)
class LoadRequest:
    """What somebody wants of a data set.

    Attributes:
        root: Folder of the cache.
        data_dir: The user's own images, for sets that need them.
        ids: How many identities to keep, from the first on; None keeps all.
        progress: Told about the stage "images".
    """

    root: Path
    data_dir: Path | None = None
    ids: int | None = None
    progress: Progress = silent


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(ABC):
    """One entry of the registry.

    Attributes:
        name: What users call it.
        title: What it is, in a few words.
        factors: Names of the known factors.
        layout: How its images are arranged, in the archive or folder if it has one.
        licence: Terms of use.
        source: Published address, or an empty text.
        synthetic: Whether the images are made by a program.
        reads_folder: Whether it is made of the user's own images.
    """

    name: str
    title: str
    factors: tuple[str, ...] = ()
    layout: str = ""
    licence: str
    source: str = ""
    synthetic: bool = False
    reads_folder: bool = False

    @property
    def num_images(self) -> int | None:
        """How many images the whole set has; None if that depends on the user."""
        return None

    @abstractmethod
    def load(self, request: LoadRequest) -> ImageDataset:
        """Open the set.

        Raises:
            InputError: If it is absent, damaged or smaller than asked for.
        """


@dataclass(frozen=True, kw_only=True)
class LoadedSet(DatasetSpec):
    """A data set that a function opens; nothing of it is kept in the cache.

    Attributes:
        loader: The function.
        num_images: How many images the whole set has; None if that depends on the user.
    """

    loader: Callable[[LoadRequest], ImageDataset]
    num_images: int | None = None

    def load(self, request: LoadRequest) -> ImageDataset:
        """Open the set."""
        return self.loader(request)


def check_ids(ids: int | None, total: int, *, name: str) -> int:
    """Return how many identities to keep.

    Args:
        ids: How many are wanted; None is all.
        total: How many there are.
        name: Name of the set.

    Raises:
        InputError: If there are not so many.

    Example:
        >>> check_ids(None, 50, name="faces3d")
        50
    """
    kept = total if ids is None else ids
    if not 1 <= kept <= total:
        raise InputError(f"expected ids from 1 to {total} for {name}, got {ids}")
    return kept
