"""`dsprites`: the published 737,280 little shapes, read from their archive."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.array_file import ArrayHeader, read_header, read_rows
from pyro_seatbelt.data.cache import CachedImages
from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.draft import UInt8Map, draft
from pyro_seatbelt.data.published_file import PublishedFile, opening
from pyro_seatbelt.data.published_set import PublishedSet
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.data.subset import even_subset
from pyro_seatbelt.drawn.sprites import FACTORS, NUM_IMAGES
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress

_FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
_ADDRESS = f"https://github.com/google-deepmind/dsprites-dataset/raw/master/{_FILE}"
_ROWS = 4096


@dataclass(frozen=True, kw_only=True)
class DSprites(PublishedSet):
    """How the archive of sprites is read.

    It is read as a stream. Its array `metadata` is a pickle and is never
    opened: what it says is known. Images are stored with black 0 and white 255.
    Each is an identity of its own, and some of them lie evenly over all factors.

    References:
        | dSprites: Disentanglement testing Sprites dataset (Matthey et al., 2017)
        | https://github.com/google-deepmind/dsprites-dataset
    """

    def read(self, archive: Path, request: LoadRequest) -> CachedImages:
        """Read the ``.npz`` file and store its images."""
        published, label = self.files[0], str(archive)
        with opening(archive) as file:
            found = published.check(file, label=label)
            with (
                published.unzipping(file, label=label) as arrays,
                draft(request.root, self.name, self.shape) as unfinished,
            ):
                _check_order(arrays, self.num_images, label=label)
                _fill(unfinished.array, arrays, request.progress, label=label)
                return self.commit(unfinished, found)

    def open(self, cached: CachedImages, kept: int) -> ImageDataset:
        """Open so many images."""
        import torch

        from pyro_seatbelt.drawn.sprites import sprite_factors

        numbers = even_subset(kept, cached.num_images)
        pixels = cached.pixels()
        classes: NDArray[np.int64] = sprite_factors(torch.from_numpy(numbers)).numpy()
        return self.as_dataset(
            cached,
            pixels if kept == len(pixels) else pixels[numbers],
            identities=numbers,
            factors={name: classes[:, column] for column, name in enumerate(self.factors)},
        )


DSPRITES = DSprites(
    name="dsprites",
    title="Little shapes (Matthey et al., 2017)",
    called="the published sprites",
    factors=FACTORS,
    layout="imgs of 737280 x 64 x 64 zeros and ones, and latents_classes, in an npz",
    licence="Apache-2.0",
    source=_ADDRESS,
    version="1",
    shape=(NUM_IMAGES, 64, 64),
    files=(
        PublishedFile(
            _FILE,
            "zip",
            _ADDRESS,
            md5="7da33b31b13a06f4b04a70402ce90c2e",
            rough_size="about 26 MB",
        ),
    ),
    substitute="synth-dsprites",
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
    import torch

    from pyro_seatbelt.drawn.sprites import sprite_factors

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
