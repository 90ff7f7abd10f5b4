"""A data set that is kept in the cache as one array."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.cache import CachedImages, find_cached, remake
from pyro_seatbelt.data.dataset import ImageDataset, Split
from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.data.spec import DatasetSpec
from pyro_seatbelt.data.verified import check_once


@dataclass(frozen=True, kw_only=True)
class StoredSet(DatasetSpec):
    """What drawn and published sets have in common.

    Attributes:
        version: Version of whatever makes the images; another one has another fingerprint.
        shape: Shape of the array: identities first, then their views if they have several, then
            an image.
        image_shape: Channels, height and width of an image.
    """

    version: str
    shape: tuple[int, ...]
    image_shape: tuple[int, int, int] = (1, 64, 64)

    @property
    def num_images(self) -> int:
        """How many images the whole set has."""
        return math.prod(self.shape) // math.prod(self.image_shape)

    @property
    @abstractmethod
    def command(self) -> str:
        """What a user runs to have it stored."""

    def find(self, root: Path, ids: int | None = None) -> CachedImages | None:
        """Look up what the cache has of it: see :func:`find_cached`."""
        return find_cached(root, self.name, ids=ids, command=self.command)

    def check(self, cached: CachedImages, ids: int | None = None) -> None:
        """Compare every byte of what is stored, once per version of the files.

        Args:
            cached: What is stored.
            ids: Number of identities that were kept; None is the whole set.

        Raises:
            InputError: If the bytes are not those that were stored.
        """
        check_once(cached, remedy=remake(self.command, ids))

    def as_dataset(
        self,
        cached: CachedImages,
        array: NDArray[np.uint8],
        *,
        identities: NDArray[np.int64],
        factors: Mapping[str, NDArray[np.int64]],
        labels: Mapping[str, NDArray[np.uint8]] | None = None,
        split: Split | None = None,
    ) -> ImageDataset:
        """Make a data set of some or all of what is stored.

        Args:
            cached: What is stored.
            array: The rows of it that are kept.
            identities: Which thing each image shows, shape `(N,)`.
            factors: Known factors by name, class numbers of shape `(N,)`.
            labels: The rows of the stored class numbers that are kept, if there are any.
            split: The set's own division, if it has one.

        Returns:
            The data set; a part has a fingerprint of its own.
        """
        from pyro_seatbelt.data.source import MappedImages

        whole = len(array) == cached.shape[0]
        return ImageDataset(
            name=self.name,
            images=MappedImages(array.reshape(-1, *self.image_shape)),
            identities=identities,
            factors=factors,
            fingerprint=cached.fingerprint
            if whole
            else fingerprint(self.name, self.version, array, labels),
            provenance=cached.provenance,
            synthetic=self.synthetic,
            published_split=split,
        )
