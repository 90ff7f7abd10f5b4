"""`dsprites`: the published 737,280 little shapes, read from their archive."""

from pathlib import Path
from typing import BinaryIO, cast
from zipfile import ZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from pyro_seatbelt.data.array_file import ArrayHeader, read_header, read_rows
from pyro_seatbelt.data.cache import CachedImages
from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.draft import UInt8Map, draft
from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.data.published import (
    check_ids,
    checked_digest,
    find_imported,
    opening,
    opening_zip,
)
from pyro_seatbelt.data.published_file import PublishedFile
from pyro_seatbelt.data.source import MappedImages
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.data.spread import spread
from pyro_seatbelt.drawn.sprites import FACTORS, NUM_IMAGES, sprite_factors
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress

NAME = "dsprites"
FILES = (
    PublishedFile(
        name="dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
        kind="zip",
        address="https://github.com/google-deepmind/dsprites-dataset/raw/master/"
        "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
        md5="7da33b31b13a06f4b04a70402ce90c2e",
        rough_size="about 26 MB",
    ),
)
IMAGE_SHAPE = (1, 64, 64)
VERSION = "1"

_ROWS = 4096


def load_dsprites(request: LoadRequest) -> ImageDataset:
    """Open the published sprites, which must have been imported.

    Every image is an identity of its own.

    Args:
        request: What is wanted; `ids` keeps so many images, spread evenly over all factors.

    Returns:
        The data set.

    Raises:
        InputError: If the set is absent, damaged or smaller than asked for.
    """
    cached = find_imported(
        request,
        NAME,
        version=VERSION,
        title="the published sprites",
        files=FILES,
        substitute="synth-dsprites",
    )
    return _dataset(cached, request.ids)


def import_dsprites(
    archive: Path,
    request: LoadRequest,
    *,
    published: PublishedFile = FILES[0],
    num_images: int = NUM_IMAGES,
) -> ImageDataset:
    """Read the published archive and store its images, black 0 and white 255.

    The archive is read as a stream. Its array `metadata` is a pickle and is
    never opened: what it says is known.

    Args:
        archive: The ``.npz`` file.
        request: Where to store the images.
        published: What the file must be, unless a test has made a smaller one.
        num_images: How many images it must hold.

    Returns:
        The data set.

    Raises:
        InputError: If this is not the published archive, it is damaged, or the cache cannot be
            written. What was stored before stays.

    References:
        | dSprites: Disentanglement testing Sprites dataset (Matthey et al., 2017)
        | https://github.com/google-deepmind/dsprites-dataset
    """
    label = str(archive)
    with opening(archive) as file:
        found = checked_digest(file, published, label=label)
        with (
            opening_zip(file, published, label=label) as arrays,
            draft(request.root, NAME, (num_images, *IMAGE_SHAPE[1:])) as unfinished,
        ):
            _check_order(arrays, num_images, label=label)
            _fill(unfinished.array, arrays, request.progress, label=label)
            cached = unfinished.commit(
                version=VERSION,
                image_shape=IMAGE_SHAPE,
                provenance={
                    "source": FILES[0].address,
                    "archive_sha256": found.sha256,
                    "archive_bytes": found.num_bytes,
                    "reader_version": VERSION,
                },
            )
    return _dataset(cached, request.ids)


def _dataset(cached: CachedImages, ids: int | None) -> ImageDataset:
    stored = cached.num_images
    kept = check_ids(ids, stored, name=NAME)
    numbers = spread(kept, stored)
    pixels = cached.pixels() if kept == stored else cached.pixels()[numbers]
    factors: NDArray[np.int64] = sprite_factors(torch.from_numpy(numbers)).numpy()
    return ImageDataset(
        name=NAME,
        images=MappedImages(pixels),
        identities=numbers,
        factors={name: factors[:, column] for column, name in enumerate(FACTORS)},
        fingerprint=cached.fingerprint if kept == stored else fingerprint(NAME, VERSION, pixels),
        provenance=cached.provenance,
        synthetic=False,
    )


def _open_array(
    arrays: ZipFile, name: str, shape: tuple[int, ...], dtype: str, *, label: str
) -> tuple[BinaryIO, ArrayHeader, str]:
    """Open a member and check its head before anything is allocated."""
    label = f"{label}: {name}"
    stream = cast(BinaryIO, arrays.open(f"{name}.npy"))
    header = read_header(stream, label=label)
    if header.shape != shape or header.dtype != np.dtype(dtype) or header.fortran_order:
        raise InputError(
            f"{label}: expected {dtype} of shape {shape}, got {header.dtype} of {header.shape}"
        )
    return stream, header, label


def _check_order(arrays: ZipFile, num_images: int, *, label: str) -> None:
    """See that the images are in the published order, by their class numbers."""
    stream, header, label = _open_array(
        arrays, "latents_classes", (num_images, 1 + len(FACTORS)), "int64", label=label
    )
    with stream:
        for start in range(0, num_images, _ROWS):
            classes = read_rows(stream, header, start, start + _ROWS, label=label)
            numbers = torch.arange(start, start + len(classes))
            expected = sprite_factors(numbers).numpy()
            if classes[:, 0].any() or not np.array_equal(classes[:, 1:], expected):
                raise InputError(f"{label}: expected the images in the published order")


def _fill(array: UInt8Map, arrays: ZipFile, progress: Progress, *, label: str) -> None:
    stream, header, label = _open_array(arrays, "imgs", array.shape, "uint8", label=label)
    with stream:
        for start in range(0, len(array), _ROWS):
            images = read_rows(stream, header, start, start + _ROWS, label=label)
            if images.max() > 1:
                raise InputError(f"{label}: expected zeros and ones, got {images.max()}")
            array[start : start + len(images)] = images * np.uint8(255)
            progress("images", start + len(images), len(array))
        if stream.read(1):  # reading to the end checks the archive's own checksum
            raise InputError(f"{label}: expected {len(array)} images, got more bytes")
