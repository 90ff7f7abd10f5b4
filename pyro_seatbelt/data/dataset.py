"""A set of images with what is known about each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.drawn.splitmix import splitmix64
from pyro_seatbelt.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from pyro_seatbelt.data.source import ImageSource


class Split(NamedTuple):
    """Two disjoint lists of image numbers.

    Attributes:
        train: Images to learn from, int64, ascending, shape `(T,)`.
        heldout: Images to judge on, int64, ascending, shape `(E,)`.
    """

    train: "Tensor"
    heldout: "Tensor"


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """A set of images with their identities, factors and origin.

    Attributes:
        name: Its name in :data:`pyro_seatbelt.data.DATASETS`, or one of your own.
        images: The images.
        identities: Which thing each image shows, shape `(N,)`.
        factors: Known ground-truth factors by name, class numbers of shape `(N,)`.
        fingerprint: SHA-256 (hex) of the content; two sets agree when their fingerprints do.
        provenance: Where it comes from: source hash, crop, generator version.
        synthetic: Whether the images were made by a program.
        published_split: The set's own division, if it has one.

    Raises:
        ValueError: If an array does not have one entry per image.

    Example:
        >>> import numpy as np
        >>> from pyro_seatbelt.data import ResidentImages
        >>> dataset = ImageDataset(
        ...     name="squares",
        ...     images=ResidentImages(np.zeros((6, 1, 64, 64), np.uint8)),
        ...     identities=np.array([0, 0, 1, 1, 2, 2]),
        ...     factors={},
        ...     fingerprint="0" * 64,
        ...     provenance={},
        ...     synthetic=True,
        ... )
        >>> train, heldout = dataset.split(holdout=0.34)
        >>> len(train), len(heldout)
        (4, 2)
    """

    name: str
    images: "ImageSource"
    identities: NDArray[np.int64]
    factors: Mapping[str, NDArray[np.int64]]
    fingerprint: str
    provenance: Mapping[str, str | int]
    synthetic: bool
    published_split: Split | None = None

    def __post_init__(self) -> None:
        """Check that every array has one entry per image."""
        arrays = {"identities": self.identities, **self.factors}
        for name, array in arrays.items():
            if array.shape != (self.num_images,):
                raise ValueError(
                    f"expected {name} to have shape ({self.num_images},), got {array.shape}"
                )

    @classmethod
    def from_array(
        cls,
        name: str,
        pixels: NDArray[np.uint8],
        *,
        synthetic: bool,
        identities: NDArray[np.int64] | None = None,
        factors: Mapping[str, NDArray[np.int64]] | None = None,
        provenance: Mapping[str, str | int] | None = None,
        version: str = "1",
    ) -> Self:
        """Make a set of your own out of an array.

        Args:
            name: Its name.
            pixels: Grey values 0 to 255, uint8, shape `(N, C, H, W)`; a memory map stays one.
            synthetic: Whether the images were made by a program.
            identities: Which thing each image shows, shape `(N,)`; by default each its own.
            factors: Known factors by name, class numbers of shape `(N,)`.
            provenance: Where the images come from.
            version: Another version has another fingerprint.

        Returns:
            The set, with a fingerprint of its bytes.

        Raises:
            TypeError: If the pixels are not uint8.
            ValueError: If an array does not have the right shape.

        Example:
            >>> import numpy as np
            >>> squares = np.zeros((6, 1, 64, 64), np.uint8)
            >>> ImageDataset.from_array("squares", squares, synthetic=True).num_images
            6
        """
        from pyro_seatbelt.data.source import MappedImages

        images = MappedImages(pixels)
        return cls(
            name=name,
            images=images,
            identities=np.arange(len(images)) if identities is None else identities,
            factors=factors or {},
            fingerprint=fingerprint(name, version, pixels),
            provenance=provenance or {"version": version},
            synthetic=synthetic,
        )

    @property
    def num_images(self) -> int:
        """How many images there are."""
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.images.image_shape

    def split(self, *, holdout: float = 0.1, seed: int = 0) -> Split:
        """Divide the images into training and held-out ones, by identity.

        No identity is on both sides. Which ones are held out depends on the
        seed and on the identities alone, on every machine. A set that comes
        with its own division (:attr:`published_split`) keeps it.

        Args:
            holdout: Share of the identities to hold out, between 0 and 1; at least one identity
                is held out and at least one is kept.
            seed: Another seed holds out other identities.

        Returns:
            Image numbers on either side.

        Raises:
            InputError: If the share is not between 0 and 1 or there are fewer than two identities.
        """
        import torch

        if not 0 < holdout < 1:
            raise InputError(f"expected holdout between 0 and 1, got {holdout}")
        if self.published_split is not None:
            return self.published_split
        distinct = np.unique(self.identities)
        if len(distinct) < 2:
            raise InputError(
                f"expected at least 2 identities in {self.name} to hold one out, "
                f"got {len(distinct)}: use more identities or images"
            )
        num_heldout = min(max(round(holdout * len(distinct)), 1), len(distinct) - 1)
        order = np.argsort(splitmix64(distinct, key=seed), kind="stable")
        is_heldout = np.isin(self.identities, distinct[order[:num_heldout]])
        return Split(
            train=torch.from_numpy(np.flatnonzero(~is_heldout)),
            heldout=torch.from_numpy(np.flatnonzero(is_heldout)),
        )
