"""`faces3d`: renderings of the Basel face model, read from the tensor that Chen et al. used."""

import math
import pickle
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from pyro_seatbelt.data.cache import CachedImages
from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.draft import draft
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
from pyro_seatbelt.errors import InputError

NAME = "faces3d"
FILES = (PublishedFile(name="basel_face_renders.pth", kind="torch", rough_size="about 520 MB"),)
SOURCE = "https://faces.dmi.unibas.ch/bfm/"
SHAPE = (50, 21, 11, 11, 64, 64)
IMAGE_SHAPE = (1, 64, 64)
FACTORS = ("identity", "azimuth", "elevation", "light")
VERSION = "1"

_ROOM_FOR_HEADS = 1 << 20
# what torch.load raises on files that are damaged or hold something else than tensors
_BROKEN = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    MemoryError,
)


def load_faces3d(request: LoadRequest) -> ImageDataset:
    """Open the rendered faces, which must have been imported.

    Args:
        request: What is wanted; `ids` keeps the first so many faces.

    Returns:
        The data set.

    Raises:
        InputError: If the set is absent, damaged or smaller than asked for.
    """
    cached = find_imported(
        request,
        NAME,
        version=VERSION,
        title="the rendered Basel faces",
        files=FILES,
        substitute="synth-faces",
    )
    return _dataset(cached, request.ids)


def import_faces3d(
    file: Path, request: LoadRequest, *, shape: tuple[int, ...] = SHAPE
) -> ImageDataset:
    """Read the tensor of faces and store it.

    Only tensors are read (``weights_only=True``), from the zip format or from
    the one before torch 1.6; code in a pickle is refused, not run.

    Args:
        file: ``basel_face_renders.pth``: one uint8 tensor over identity, azimuth, elevation,
            light, row and column.
        request: Where to store the images.
        shape: Shape it must have; the published one unless a test has made a smaller one.

    Returns:
        The data set.

    Raises:
        InputError: If the file holds anything else, is damaged, or the cache cannot be written.
            What was stored before stays.

    References:
        | A 3D Face Model for Pose and Illumination Invariant Face Recognition (Paysan et al., 2009)
        | https://faces.dmi.unibas.ch/bfm/
        | Isolating Sources of Disentanglement in VAEs (Chen et al., 2018)
        | https://arxiv.org/abs/1802.04942
    """
    with opening(file) as opened:
        found = checked_digest(opened, FILES[0], label=str(file))
        faces = _read_tensor(opened, shape, label=str(file))
    with draft(request.root, NAME, shape) as unfinished:
        for identity, images in enumerate(faces):
            unfinished.array[identity] = images.numpy()
            views = math.prod(shape[1:-2])
            request.progress("images", (identity + 1) * views, len(faces) * views)
        cached = unfinished.commit(
            version=VERSION,
            image_shape=IMAGE_SHAPE,
            provenance={
                "source": SOURCE,
                "archive_sha256": found.sha256,
                "archive_bytes": found.num_bytes,
                "reader_version": VERSION,
            },
        )
    return _dataset(cached, request.ids)


def _dataset(cached: CachedImages, ids: int | None) -> ImageDataset:
    stored = cached.shape[0]
    kept = check_ids(ids, stored, name=NAME)
    array = cached.array()[:kept]
    classes = np.indices(array.shape[:-2]).reshape(len(FACTORS), -1)
    return ImageDataset(
        name=NAME,
        images=MappedImages(array.reshape(-1, *IMAGE_SHAPE)),
        identities=classes[0],
        factors=dict(zip(FACTORS, classes, strict=True)),
        fingerprint=cached.fingerprint if kept == stored else fingerprint(NAME, VERSION, array),
        provenance=cached.provenance,
        synthetic=False,
    )


def _read_tensor(file: BinaryIO, shape: tuple[int, ...], *, label: str) -> Tensor:
    _check_size(file, math.prod(shape), label=label)
    expected = f"expected one tensor of type torch.uint8 and shape {shape}"
    try:
        faces = torch.load(file, map_location="cpu", weights_only=True)
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{label}: {expected}, got a damaged file or something else, which is not unpickled "
            f"({reason})"
        ) from error
    if not isinstance(faces, Tensor):
        raise InputError(f"{label}: {expected}, got a {type(faces).__name__}")
    if faces.dtype != torch.uint8 or faces.shape != shape or faces.layout != torch.strided:
        raise InputError(f"{label}: {expected}, got {faces.dtype} and {tuple(faces.shape)}")
    return faces


def _check_size(file: BinaryIO, num_bytes: int, *, label: str) -> None:
    """Refuse what would need far more memory than the faces, packed or not."""
    packed = file.seek(0, 2)
    file.seek(0)
    unpacked = packed
    if file.read(2) == b"PK":
        with opening_zip(file, FILES[0], label=label) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    file.seek(0)
    if not num_bytes <= unpacked <= 4 * num_bytes + _ROOM_FOR_HEADS:
        raise InputError(f"{label}: expected about {num_bytes} bytes of images, got {unpacked}")
