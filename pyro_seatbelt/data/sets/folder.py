"""`folder`: anybody's own images, from a folder tree or one file of arrays."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps

from pyro_seatbelt.data import image_array
from pyro_seatbelt.data.dataset import ImageDataset, Split
from pyro_seatbelt.data.decoding import decode_all
from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.data.picture import middle_square, read_picture, shrink
from pyro_seatbelt.data.spec import LoadedSet, LoadRequest
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress

logger = logging.getLogger(__name__)

NAME = "folder"
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm",
)  # fmt: skip
VERSION = "1"

_SIZE = 64


def load_folder(request: LoadRequest) -> ImageDataset:
    """Read every picture below a folder, or an array of images, 64x64.

    Pictures come in the order of their paths. Each is cut to its middle square
    and resampled; all are grey (one channel) if every one of them is, else
    all have three channels. Every picture is an identity of its own. If there
    are subfolders ``train`` and ``test``, they are the split and only they are read.
    Hidden files and files that are not named like pictures are passed over.
    For arrays see :func:`pyro_seatbelt.data.image_array.read_image_array`.

    Args:
        request: What is wanted; `data_dir` is the folder, or a ``.npy`` or ``.npz`` file.

    Returns:
        The data set.

    Raises:
        InputError: If there is no such folder or file, it has no pictures or one of them is
            damaged.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/a.png")
        ...     request = LoadRequest(root=Path(), data_dir=Path(folder))
        ...     load_folder(request).image_shape
        (3, 64, 64)
    """
    import torch

    from pyro_seatbelt.data.source import MappedImages

    place = request.data_dir
    if place is None:
        raise InputError(f"expected a folder of images for {NAME}: pass --data-dir DIR")
    if request.ids is not None:
        raise InputError(f"expected no ids for {NAME}, which uses every picture, got {request.ids}")
    if place.is_file() and place.suffix.lower() in image_array.SUFFIXES:
        pixels, num_train = image_array.read_image_array(place, progress=request.progress)
    elif place.is_dir():
        pixels, num_train = _read_tree(place, request.progress)
    else:
        raise InputError(
            f"{place}: expected a folder of images or a .npy or .npz file, which is not there"
        )
    split, version = None, VERSION
    if num_train is not None:
        split = Split(torch.arange(num_train), torch.arange(num_train, len(pixels)))
        version = f"{VERSION} with {num_train} to train on"
    return ImageDataset(
        name=NAME,
        images=MappedImages(pixels),
        identities=np.arange(len(pixels)),
        factors={},
        fingerprint=fingerprint(NAME, version, pixels),
        provenance={"folder": str(place), "images": len(pixels), "crop": "middle square"},
        synthetic=False,
        published_split=split,
    )


FOLDER = LoadedSet(
    name=NAME,
    title="Your own images",
    layout="any tree of pictures, with subfolders train/ and test/ if you like; or .npy, .npz",
    licence="yours",
    loader=load_folder,
    reads_folder=True,
)


def _read_tree(folder: Path, progress: Progress) -> tuple[NDArray[np.uint8], int | None]:
    """Return all pictures, and how many of them are to train on if the tree says so."""
    train, test = _pictures(folder / "train"), _pictures(folder / "test")
    files = train + test if train and test else _pictures(folder)
    if not files:
        raise InputError(f"{folder}: expected a folder of images ({', '.join(SUFFIXES)}), got none")
    pixels = _decode_all(files, progress)
    if not (train and test):
        return pixels, None
    passed_over = len(_pictures(folder)) - len(files)
    if passed_over:
        logger.warning("%s: %d pictures outside train/ and test/", folder, passed_over)
    return pixels, len(train)


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


def _decode_all(files: list[Path], progress: Progress) -> NDArray[np.uint8]:
    """Decode the pictures in several threads, shape `(N, C, 64, 64)`."""
    decoded: list[NDArray[np.uint8]] = []
    for _, pixels in decode_all(files, _decode):
        decoded.append(pixels)
        progress("images", len(decoded), len(files))
    channels = max(len(pixels) for pixels in decoded)
    together = np.empty((len(decoded), channels, _SIZE, _SIZE), np.uint8)
    for position, pixels in enumerate(decoded):
        together[position] = pixels  # grey ones fill all channels
    return together


def _decode(file: Path) -> NDArray[np.uint8]:
    picture = ImageOps.exif_transpose(read_picture(file, label=str(file)))
    return shrink(middle_square(picture), _SIZE)
