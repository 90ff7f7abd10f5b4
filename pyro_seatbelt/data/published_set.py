"""A data set that somebody else publishes: imported from its files, then read from the cache."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.cache import CachedImages
from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.draft import Draft
from pyro_seatbelt.data.published_file import Digest, PublishedFile
from pyro_seatbelt.data.spec import LoadRequest, check_ids
from pyro_seatbelt.data.stored_set import StoredSet
from pyro_seatbelt.errors import InputError


@dataclass(frozen=True, kw_only=True)
class PublishedSet(StoredSet):
    """How to read a set from the files it is published as.

    A set of your own kind has to say how it is read (:meth:`read`), and what
    its images show (:meth:`open`) unless that is a grid of identities and views.

    Attributes:
        called: What errors call it: `the published chairs`.
        files: What it is published as; the first one is what a user names.
        terms: What a user must agree to before it is stored; empty if the set does not ask.
        substitute: Synthetic set of the same kind, to be asked for by name; or empty.
    """

    called: str
    files: tuple[PublishedFile, ...]
    terms: str = ""
    substitute: str = ""

    @property
    def command(self) -> str:
        """What a user runs to import it."""
        return f"seatbelt data import {self.name} FILE"

    @property
    def downloadable(self) -> bool:
        """Whether its publishers let programs fetch it."""
        return all(file.address for file in self.files)

    @abstractmethod
    def read(self, archive: Path, request: LoadRequest) -> CachedImages:
        """Read the published files and store their images, by :meth:`commit`.

        Args:
            archive: The first of the files; the others lie beside it.
            request: Where to store the images.

        Returns:
            What is stored now.

        Raises:
            InputError: If a file is not the published one or is damaged, or the cache cannot be
                written. What was stored before stays.
        """

    def open(self, cached: CachedImages, kept: int) -> ImageDataset:
        """Open the first identities of a grid of identities and views.

        Args:
            cached: What is stored.
            kept: How many identities to keep.
        """
        array = cached.array()[:kept]
        classes = np.indices(array.shape[:-2]).reshape(len(self.factors), -1)
        factors = dict(zip(self.factors, classes, strict=True))
        return self.as_dataset(cached, array, identities=classes[0], factors=factors)

    def load(self, request: LoadRequest) -> ImageDataset:
        """Open the set, which must have been imported.

        Args:
            request: What is wanted; `ids` keeps so many identities.

        Returns:
            The data set.

        Raises:
            InputError: If the set is absent (with all ways on), damaged, imported by another
                version of the reader or smaller than asked for.
        """
        cached = self.find(request.root)
        if cached is None:
            raise self._absent(request.root)
        if cached.version != self.version:
            raise InputError(
                f"{cached.path}: expected {self.name} imported by reader {self.version}, "
                f"got {cached.version}: run `{self.command}` again"
            )
        self.check(cached)
        return self._open(cached, request.ids)

    def import_archive(self, archive: Path, request: LoadRequest) -> ImageDataset:
        """Read the published files, store their images and open them: see :meth:`read`."""
        return self._open(self.read(archive, request), request.ids)

    def commit(
        self,
        unfinished: Draft,
        found: Digest,
        *,
        labels: Mapping[str, NDArray[np.uint8]] | None = None,
        **notes: int,
    ) -> CachedImages:
        """Store what has been read.

        Args:
            unfinished: All images of the set.
            found: What identifies the file that they come from.
            labels: Class numbers to be stored beside the images, by name, each of shape `(N,)`.
            notes: What else to note about where the images come from, such as the crop.
        """
        provenance: dict[str, str | int] = {
            "source": self.source,
            "archive_sha256": found.sha256,
            "archive_bytes": found.num_bytes,
            **notes,
            "reader_version": self.version,
        }
        return unfinished.commit(
            version=self.version,
            image_shape=self.image_shape,
            provenance=provenance,
            labels=labels,
        )

    def _open(self, cached: CachedImages, ids: int | None) -> ImageDataset:
        return self.open(cached, check_ids(ids, cached.shape[0], name=self.name))

    def _absent(self, root: Path) -> InputError:
        file = self.files[0]
        ways = [f"get {file.name} from its publishers and run `{self.command}`"]
        if file.address:
            download = f"`seatbelt data download {self.name}`"
            ways = [f"run {download} ({file.rough_size} from {file.address}) or `{self.command}`"]
        if self.substitute:
            ways.append(f"use synthetic images with `--dataset {self.substitute}`")
        return InputError(
            f"expected {self.called} in {root / self.name}.json, which is not there: "
            f"{', or '.join(ways)}"
        )
