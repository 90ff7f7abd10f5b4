"""A data set that is drawn once and kept in the cache."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.cache import CachedImages, file_stem, find_cached
from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.draft import draft
from pyro_seatbelt.data.source import MappedImages
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.drawn.drawing import Draw, draw_all
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors.processors import num_workers
from pyro_seatbelt.locks import turn

logger = logging.getLogger(__name__)

_IMAGE_SHAPE = (1, 64, 64)


@dataclass(frozen=True)
class DrawnSet:
    """How to draw a set, and how its images are laid out.

    Attributes:
        name: Its name in the registry.
        version: Changes whenever an image does.
        num_identities: How many things there are to draw.
        views: How many values each factor has besides the identity.
        draw: Draws one identity, shape `(*views, 64, 64)`; a function of a module.
        factors: Class numbers by factor of the images of the first so many identities.
        identities_a_worker: How many identities make a process worth starting.
    """

    name: str
    version: str
    num_identities: int
    views: tuple[int, ...]
    draw: Draw
    factors: Callable[[int], dict[str, NDArray[np.int64]]]
    identities_a_worker: int

    @property
    def command(self) -> str:
        """What a user runs to have it drawn anew."""
        return f"seatbelt data build {self.name}"

    def load(self, request: LoadRequest) -> ImageDataset:
        """Open the set, drawing it first if the cache does not have it.

        When another process is drawing it already, this one waits for it.

        Args:
            request: What is wanted; `ids` keeps the first so many identities.

        Returns:
            The data set.

        Raises:
            InputError: If the number of identities is out of range or the stored set is damaged.
        """
        ids = self._check_ids(request.ids)
        cached = self._find(request.root, ids)
        if cached is None:
            with _alone(request.root, file_stem(self.name, ids)):
                cached = self._find(request.root, ids)
                if cached is None:
                    return self.build(request)
        return self._dataset(cached)

    def build(self, request: LoadRequest, *, workers: int | None = None) -> ImageDataset:
        """Draw the set and store it, replacing what the cache has.

        Args:
            request: What is wanted; `ids` draws only the first so many identities.
            workers: Processes to use; by default one a processor, at most 8, and fewer for a few
                identities. The bytes do not depend on it.

        Returns:
            The data set.

        Raises:
            InputError: If the number of identities is out of range or the cache cannot be written.
            RuntimeError: If a process ends early.
        """
        ids = self._check_ids(request.ids)
        num_identities = ids or self.num_identities
        if workers is None:
            worth = num_identities // self.identities_a_worker
            workers = max(1, min(num_workers(), worth))
        shape = (num_identities, *self.views, *_IMAGE_SHAPE[1:])
        with draft(request.root, self.name, shape, ids=ids) as unfinished:
            draw_all(
                unfinished.path,
                self.draw,
                num_identities=num_identities,
                num_views=math.prod(self.views),
                workers=workers,
                progress=request.progress,
            )
            cached = unfinished.commit(
                version=self.version,
                image_shape=_IMAGE_SHAPE,
                provenance={"generator_version": self.version, "identities": num_identities},
            )
        return self._dataset(cached)

    def _find(self, root: Path, ids: int | None) -> CachedImages | None:
        """Look up what is stored by this version."""
        cached = find_cached(root, self.name, ids=ids, command=self.command)
        return cached if cached is not None and cached.version == self.version else None

    def _dataset(self, cached: CachedImages) -> ImageDataset:
        factors = self.factors(cached.shape[0])
        return ImageDataset(
            name=self.name,
            images=MappedImages(cached.pixels()),
            identities=factors["identity"],
            factors=factors,
            fingerprint=cached.fingerprint,
            provenance=cached.provenance,
            synthetic=True,
        )

    def _check_ids(self, ids: int | None) -> int | None:
        """Refuse numbers out of range; all identities are the whole set."""
        if ids is None or ids == self.num_identities:
            return None
        if not 1 <= ids < self.num_identities:
            raise InputError(
                f"expected ids from 1 to {self.num_identities} for {self.name}, got {ids}"
            )
        return ids


@contextmanager
def _alone(root: Path, stem: str) -> Iterator[None]:
    """Wait until no other process draws the same set.

    Drawing it twice would only be a waste, so where the disk knows no locks there is none.
    """
    lock = root / f".{stem}.lock"
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        logger.debug("%s: no lock: %s", root, error)
        yield
        return
    message = "%s: waiting for another process that draws it"
    with turn(lock, waiting=lambda: logger.warning(message, root / stem)):
        yield
