"""`folder`: anybody's own images, from a folder tree."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ImageOps

from pyro_seatbelt.data.dataset import ImageDataset, Split
from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.data.picture import crop_centre, read_picture, refusing_bombs, shrink
from pyro_seatbelt.data.progress import Progress
from pyro_seatbelt.data.source import ResidentImages
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.data.workers import num_workers
from pyro_seatbelt.errors import InputError

logger = logging.getLogger(__name__)

NAME = "folder"
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm",
)  # fmt: skip
VERSION = "1"

_SIZE = 64


def load_folder(request: LoadRequest) -> ImageDataset:
    """Read every picture below a folder, 64x64 and in memory.

    Pictures come in the order of their paths. Each is cut to its middle square
    and resampled; all are grey (one channel) if every one of them is, else
    all have three channels. Every picture is an identity of its own. If there
    are subfolders ``train`` and ``test``, they are the split and only they are read.
    Hidden files and files that are not named like pictures are passed over.

    Args:
        request: What is wanted; `data_dir` is the folder.

    Returns:
        The data set.

    Raises:
        InputError: If there is no such folder, it has no pictures or one of them is damaged.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/a.png")
        ...     request = LoadRequest(root=Path(), data_dir=Path(folder))
        ...     load_folder(request).image_shape
        (3, 64, 64)
    """
    if request.data_dir is None:
        raise InputError(f"expected a folder of images for {NAME}: pass --data-dir DIR")
    if request.ids is not None:
        raise InputError(f"expected no ids for {NAME}, which uses every picture, got {request.ids}")
    folder = request.data_dir
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of images, which is not there")
    train, test = _pictures(folder / "train"), _pictures(folder / "test")
    files = train + test if train and test else _pictures(folder)
    if not files:
        raise InputError(f"{folder}: expected a folder of images ({', '.join(SUFFIXES)}), got none")
    pixels = _decode_all(files, request.progress)
    split, version = None, VERSION
    if train and test:
        passed_over = len(_pictures(folder)) - len(files)
        if passed_over:
            logger.warning("%s: %d pictures outside train/ and test/", folder, passed_over)
        split = Split(torch.arange(len(train)), torch.arange(len(train), len(files)))
        version = f"{VERSION} with {len(train)} to train on"
    return ImageDataset(
        name=NAME,
        images=ResidentImages(pixels),
        identities=np.arange(len(files)),
        factors={},
        fingerprint=fingerprint(NAME, version, pixels),
        provenance={"folder": str(folder), "images": len(files), "crop": "middle square"},
        synthetic=False,
        published_split=split,
    )


def _pictures(folder: Path) -> list[Path]:
    """List the pictures below a folder, by path."""
    return sorted(_walk(folder), key=lambda file: file.relative_to(folder).parts)


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise InputError(f"{error.filename}: cannot read the folder: {error.strerror}")

    for parent, folders, files in folder.walk(on_error=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield parent / name


def _decode_all(files: list[Path], progress: Progress | None) -> NDArray[np.uint8]:
    """Decode the pictures in several threads, shape `(N, C, 64, 64)`."""
    decoded: list[NDArray[np.uint8]] = []
    with refusing_bombs(), ThreadPoolExecutor(num_workers()) as pool:
        for pixels in pool.map(_decode, files):
            decoded.append(pixels)
            if progress is not None:
                progress(len(decoded), len(files))
    channels = max(len(pixels) for pixels in decoded)
    together = np.empty((len(decoded), channels, _SIZE, _SIZE), np.uint8)
    for position, pixels in enumerate(decoded):
        together[position] = pixels  # grey ones fill all channels
    return together


def _decode(file: Path) -> NDArray[np.uint8]:
    picture = ImageOps.exif_transpose(read_picture(file, label=str(file)))
    side = min(picture.size)
    return shrink(crop_centre(picture, side, side), _SIZE)
