"""A data set that is drawn once and kept in the cache."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.cache import CachedImages, file_stem
from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.draft import draft
from pyro_seatbelt.data.spec import LoadRequest, check_ids
from pyro_seatbelt.data.stored_set import StoredSet
from pyro_seatbelt.executors.processors import num_workers
from pyro_seatbelt.locks import turn

if TYPE_CHECKING:
    from pyro_seatbelt.drawn.drawing import Draw

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DrawnSet(StoredSet):
    """How to draw a set.

    Attributes:
        draw: Draws one identity, shape `(*views, 64, 64)`; a function of a module.
        classes: Class numbers by factor of the images of the first so many identities.
        identities_per_worker: How many identities make a process worth starting.
    """

    draw: "Draw"
    classes: Callable[[int], dict[str, NDArray[np.int64]]]
    identities_per_worker: int
    synthetic: bool = True

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
        ids = self._ids(request)
        cached = self._find_current(request.root, ids)
        if cached is None:
            with _alone(request.root, file_stem(self.name, ids)):
                cached = self._find_current(request.root, ids)
                if cached is None:
                    return self.build(request)
        self.check(cached, ids)
        return self._open(cached)

    def build(self, request: LoadRequest) -> ImageDataset:
        """Draw the set and store it, replacing what the cache has.

        Args:
            request: What is wanted; `ids` draws only the first so many identities.

        Returns:
            The data set.

        Raises:
            InputError: If the number of identities is out of range or the cache cannot be written.
            RuntimeError: If a process ends early.
        """
        from pyro_seatbelt.drawn.drawing import draw_all

        ids = self._ids(request)
        num_identities = ids or self.shape[0]
        workers = min(num_workers(), num_identities // self.identities_per_worker)
        shape = (num_identities, *self.shape[1:])
        with draft(request.root, self.name, shape, ids=ids) as unfinished:
            draw_all(
                unfinished.path,
                self.draw,
                num_identities=num_identities,
                num_views=math.prod(self.shape[1:-2]),
                workers=max(1, workers),
                progress=request.progress,
            )
            cached = unfinished.commit(
                version=self.version,
                image_shape=self.image_shape,
                provenance={"generator_version": self.version, "identities": num_identities},
            )
        return self._open(cached)

    def _ids(self, request: LoadRequest) -> int | None:
        """Return how many identities are wanted; None is the whole set."""
        kept = check_ids(request.ids, self.shape[0], name=self.name)
        return None if kept == self.shape[0] else kept

    def _find_current(self, root: Path, ids: int | None) -> CachedImages | None:
        """Look up what is stored by this version."""
        cached = self.find(root, ids)
        return cached if cached is not None and cached.version == self.version else None

    def _open(self, cached: CachedImages) -> ImageDataset:
        factors = self.classes(cached.shape[0])
        identities = factors["identity"]
        return self.as_dataset(cached, cached.array(), identities=identities, factors=factors)


@contextmanager
def _alone(root: Path, stem: str) -> Iterator[None]:
    """Wait until no other process draws the same set.

    Drawing it twice would only be a waste, so on a disk without locks there is none.
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
