"""Images in one NumPy file, whatever their order of axes and type."""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pyro_seatbelt.data.array_file import read_header, read_rows
from pyro_seatbelt.data.picture import middle_square, shrink
from pyro_seatbelt.data.published_file import BROKEN_ZIP, opening
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent

SUFFIXES = (".npy", ".npz")

_SIZE = 64
_MOST_BYTES = 8 << 30
_MOST_FOR_ANY = 512 << 20
_MOST_TIMES = 200
"""How much larger than its packed bytes an array above `_MOST_FOR_ANY` may be; dSprites is 115."""


class ImageArray(NamedTuple):
    """Images that were read.

    Attributes:
        pixels: Grey values, shape `(N, C, 64, 64)`; mapped if they were stored like this.
        num_train: How many of them, from the first on, are to train on; None leaves it open.
    """

    pixels: NDArray[np.uint8]
    num_train: int | None


def read_image_array(file: Path, *, progress: Progress = silent) -> ImageArray:
    """Read the images of a ``.npy`` or ``.npz`` file, 64x64.

    Axes may be `(N, H, W)`, `(N, H, W, C)` or `(N, C, H, W)`, with 1 or 3
    channels. Numbers may be bytes from 0 to 255, floating-point from 0 to 1,
    or booleans. Images of another size are cut to their middle square and
    resampled. An ``.npz`` file has one array, or one called `images`, or two
    called `train` and `test`. Objects in it are never unpickled.

    Args:
        file: The file.
        progress: Told about the stage "images".

    Returns:
        The images.

    Raises:
        InputError: If it cannot be read, or holds something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(f"{folder}/a.npy", np.zeros((10, 28, 28, 3)))
        ...     read_image_array(Path(folder, "a.npy")).pixels.shape
        (10, 3, 64, 64)
    """
    arrays = _read_zip(file) if file.suffix.lower() == ".npz" else {"": _map(file)}
    converted = [
        _convert(array, progress, label=f"{file}: {name}" if name else str(file))
        for name, array in arrays.items()
    ]
    if len(converted) == 1:
        return ImageArray(converted[0], None)
    train, test = converted
    if train.shape[1] != test.shape[1]:
        raise InputError(f"{file}: expected train and test images with the same channels")
    return ImageArray(np.concatenate([train, test]), len(train))


def _map(file: Path) -> NDArray[np.generic]:
    """Map a whole array file; writes stay in memory."""
    with opening(file) as opened:
        header = read_header(opened, label=str(file))
        begins, ends = opened.tell(), opened.seek(0, 2)
    if ends - begins != header.num_bytes or not header.num_bytes:
        raise InputError(
            f"{file}: expected an array of {header.num_bytes} bytes, got {ends - begins}"
        )
    array: NDArray[np.generic] = np.load(file, mmap_mode="c", allow_pickle=False)
    return array


def _read_zip(file: Path) -> dict[str, NDArray[np.generic]]:
    with opening(file) as opened:
        try:
            with zipfile.ZipFile(opened) as archive:
                return {name: _read(archive, name, file) for name in _chosen(archive, file)}
        except InputError:
            raise
        except BROKEN_ZIP as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{file}: damaged archive of arrays ({reason})") from error


def _chosen(archive: zipfile.ZipFile, file: Path) -> list[str]:
    names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    if {"train", "test"} <= set(names):
        return ["train", "test"]
    if "images" in names:
        return ["images"]
    if len(names) == 1:
        return names
    raise InputError(
        f"{file}: expected one array, or one called images, or train and test, "
        f"got {', '.join(names[:8]) or 'none'}"
    )


def _read(archive: zipfile.ZipFile, name: str, file: Path) -> NDArray[np.generic]:
    label = f"{file}: {name}"
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > _MOST_BYTES:
        raise InputError(
            f"{label}: expected at most {_MOST_BYTES >> 30} GiB in a packed file, got "
            f"{member.file_size} bytes: save it as .npy, which is read where it lies"
        )
    if member.file_size > max(_MOST_FOR_ANY, _MOST_TIMES * member.compress_size):
        raise InputError(
            f"{label}: {member.compress_size} bytes that unpack to {member.file_size}: too much "
            "to be opened safely: save it as .npy, which is read where it lies"
        )
    with archive.open(member) as stream:
        header = read_header(stream, label=label)  # type: ignore[arg-type]
        if header.fortran_order or not header.shape:
            raise InputError(f"{label}: expected images one after the other: save a C-ordered copy")
        if header.num_bytes > member.file_size:
            raise InputError(f"{label}: expected {header.num_bytes} bytes, the file has fewer")
        rows = read_rows(stream, header, 0, header.shape[0], label=label)  # type: ignore[arg-type]
        stream.read(1)  # reading to the end checks the archive's own checksum
    return rows


def _convert(array: NDArray[np.generic], progress: Progress, *, label: str) -> NDArray[np.uint8]:
    """Return the images as grey values in the order (N, C, H, W), 64x64."""
    ordered = _channels_first(array, label=label)
    kind = ordered.dtype
    if kind.kind not in "fb" and kind != np.uint8:
        raise InputError(f"{label}: expected uint8, floating-point or boolean images, got {kind}")
    if kind == np.uint8 and ordered.shape[2:] == (_SIZE, _SIZE):
        return ordered.astype(np.uint8, copy=False)  # as it lies in the file
    pixels = np.empty((*ordered.shape[:2], _SIZE, _SIZE), np.uint8)
    for number, image in enumerate(ordered):
        pixels[number] = _resample(_to_bytes(image, number, label=label))
        progress("images", number + 1, len(pixels))
    return pixels


def _channels_first(array: NDArray[np.generic], *, label: str) -> NDArray[np.generic]:
    if array.ndim == 3 and array.size:
        return array[:, None]
    first = array.ndim == 4 and array.shape[1] in {1, 3}
    last = array.ndim == 4 and array.shape[3] in {1, 3}
    if first == last or not array.size:  # no axis has one or three entries, or two have
        raise InputError(
            f"{label}: expected images of shape (N, H, W), (N, H, W, C) or (N, C, H, W) with "
            f"1 or 3 channels, got {array.shape}"
        )
    return array if first else array.transpose(0, 3, 1, 2)


def _to_bytes(image: NDArray[np.generic], number: int, *, label: str) -> NDArray[np.uint8]:
    if image.dtype == np.uint8:
        return image.astype(np.uint8, copy=False)
    values = image.astype(np.float64)
    if not (values.min() >= 0 and values.max() <= 1):  # not a number is neither
        raise InputError(
            f"{label}: expected values from 0 to 1, image {number} has {values.min():.4g} to "
            f"{values.max():.4g}: save bytes from 0 to 255, or divide"
        )
    grey: NDArray[np.uint8] = np.floor(values * 255 + 0.5).astype(np.uint8)
    return grey


def _resample(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut an image to its middle square and bring it to 64x64; grey ones have one channel."""
    if image.shape[1:] == (_SIZE, _SIZE):
        return image
    planes = np.ascontiguousarray(image.transpose(1, 2, 0))
    picture = Image.fromarray(planes[..., 0] if planes.shape[2] == 1 else planes)
    return shrink(middle_square(picture), _SIZE)
