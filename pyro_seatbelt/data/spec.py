"""What the registry knows of a data set."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.published_file import PublishedFile
from pyro_seatbelt.progress import Progress, silent

Origin = Literal["drawn", "generated", "archive", "folder", "registered"]


@dataclass(frozen=True)
class LoadRequest:
    """What somebody wants of a data set.

    Attributes:
        root: Folder of the cache.
        data_dir: The user's own images, for sets that need them.
        ids: How many identities to keep, from the first on; None keeps all.
        progress: Is told how many images are done.
    """

    root: Path
    data_dir: Path | None = None
    ids: int | None = None
    progress: Progress = silent


@dataclass(frozen=True)
class DatasetSpec:
    """One entry of the registry.

    Attributes:
        title: What it is, in a few words.
        origin: How its images come to be: `drawn` once into the cache, `generated` whenever they
            are gathered, imported from a published `archive`, read from the user's `folder`, or
            `registered` by somebody else.
        factors: Names of the known factors.
        layout: What is expected of the archive or folder, or how images are arranged.
        num_images: How many images the whole set has; None if that depends on the user.
        source: Published address, or an empty text.
        licence: Terms of use.
        load: Opens the set.
        build: Draws the set anew and stores it, for sets that are drawn.
        import_archive: Stores the set from its published file, for sets that have one.
        files: What it is published as, for sets that have an archive.
        terms: What a user must agree to before it is stored; empty if the set does not ask.
        command: What a user runs to have it stored; empty for sets that never are.
        substitute: Synthetic set of the same kind, to be asked for by name.
    """

    title: str
    origin: Origin
    factors: tuple[str, ...]
    layout: str
    num_images: int | None
    source: str
    licence: str
    load: Callable[[LoadRequest], ImageDataset]
    build: Callable[[LoadRequest], ImageDataset] | None = None
    import_archive: Callable[[Path, LoadRequest], ImageDataset] | None = None
    files: tuple[PublishedFile, ...] = ()
    terms: str = ""
    command: str = ""
    substitute: str | None = None

    @property
    def synthetic(self) -> bool:
        """Whether the images are made by a program."""
        return self.origin in ("drawn", "generated")

    @property
    def downloadable(self) -> bool:
        """Whether its publishers let programs fetch it."""
        return bool(self.files) and all(file.address for file in self.files)
