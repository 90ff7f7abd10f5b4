"""The data set `synth-chairs`, drawn once and kept in the cache."""

from pyro_seatbelt.data.cache import CachedImages, find_cached
from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.draft import draft
from pyro_seatbelt.data.source import MappedImages
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.data.synthetic.chairs import (
    IMAGE_SHAPE,
    NUM_IDENTITIES,
    VERSION,
    VIEWS,
    chair_factors,
    draw_all_chairs,
)
from pyro_seatbelt.errors import InputError

NAME = "synth-chairs"
COMMAND = f"seatbelt data build {NAME}"


def load_synth_chairs(request: LoadRequest) -> ImageDataset:
    """Open the drawn chairs, drawing them first if the cache does not have them.

    Args:
        request: What is wanted; `ids` keeps the first so many chairs.

    Returns:
        The data set.

    Raises:
        InputError: If the number of chairs is out of range or the stored set is damaged.
    """
    ids = _check_ids(request.ids)
    cached = find_cached(request.root, NAME, ids=ids, command=COMMAND)
    if cached is None or cached.version != VERSION:
        return build_synth_chairs(request)
    return _dataset(cached)


def build_synth_chairs(request: LoadRequest, *, workers: int | None = None) -> ImageDataset:
    """Draw the chairs and store them, replacing what the cache has.

    Args:
        request: What is wanted; `ids` draws only the first so many chairs.
        workers: Processes to use, by default one a processor.

    Returns:
        The data set.

    Raises:
        InputError: If the number of chairs is out of range or the cache cannot be written.
    """
    ids = _check_ids(request.ids)
    num_identities = ids or NUM_IDENTITIES
    shape = (num_identities, *VIEWS, *IMAGE_SHAPE[1:])
    with draft(request.root, NAME, shape, ids=ids) as unfinished:
        draw_all_chairs(
            unfinished.path,
            num_identities=num_identities,
            workers=workers,
            progress=request.progress,
        )
        cached = unfinished.commit(
            version=VERSION,
            image_shape=IMAGE_SHAPE,
            provenance={"generator_version": VERSION, "identities": num_identities},
        )
    return _dataset(cached)


def _dataset(cached: CachedImages) -> ImageDataset:
    factors = chair_factors(cached.shape[0])
    return ImageDataset(
        name=NAME,
        images=MappedImages(cached.pixels()),
        identities=factors["identity"],
        factors=factors,
        fingerprint=cached.fingerprint,
        provenance=cached.provenance,
        synthetic=True,
    )


def _check_ids(ids: int | None) -> int | None:
    """Refuse numbers out of range; all identities are the whole set."""
    if ids is None or ids == NUM_IDENTITIES:
        return None
    if not 1 <= ids < NUM_IDENTITIES:
        raise InputError(f"expected ids from 1 to {NUM_IDENTITIES} for {NAME}, got {ids}")
    return ids
