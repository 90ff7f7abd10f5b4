"""`faces3d`: renderings of the Basel face model, read from the tensor that Chen et al. used."""

import math
import pickle
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pyro_seatbelt.data.cache import CachedImages
from pyro_seatbelt.data.draft import draft
from pyro_seatbelt.data.published_file import PublishedFile, opening
from pyro_seatbelt.data.published_set import PublishedSet
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_BYTES_FOR_HEADS = 1 << 20
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


@dataclass(frozen=True, kw_only=True)
class Faces3D(PublishedSet):
    """How the tensor of rendered faces is read.

    Only tensors are read (``weights_only=True``), from the zip format or from
    the one before torch 1.6; code in a pickle is refused, not run.

    References:
        | A 3D Face Model for Pose and Illumination Invariant Face Recognition (Paysan et al., 2009)
        | https://faces.dmi.unibas.ch/bfm/
        | Isolating Sources of Disentanglement in VAEs (Chen et al., 2018)
        | https://arxiv.org/abs/1802.04942
    """

    def read(self, archive: Path, request: LoadRequest) -> CachedImages:
        """Read ``basel_face_renders.pth`` and store its images."""
        label = str(archive)
        with opening(archive) as file:
            found = self.files[0].check(file, label=label)
            faces = _read_tensor(file, self.files[0], self.shape, label=label)
        with draft(request.root, self.name, self.shape) as unfinished:
            views = math.prod(self.shape[1:-2])
            for identity, images in enumerate(faces):
                unfinished.array[identity] = images.numpy()
                request.progress("images", (identity + 1) * views, len(faces) * views)
            return self.commit(unfinished, found)


FACES3D = Faces3D(
    name="faces3d",
    title="Renderings of the Basel face model (Paysan et al., 2009; Chen et al., 2018)",
    called="the rendered Basel faces",
    factors=("identity", "azimuth", "elevation", "light"),
    layout="one uint8 tensor: 50 faces x 21 azimuths x 11 elevations x 11 lights x 64 x 64",
    licence="research only, no redistribution: not for download",
    source="https://faces.dmi.unibas.ch/bfm/",
    version="1",
    shape=(50, 21, 11, 11, 64, 64),
    files=(PublishedFile("basel_face_renders.pth", "torch", rough_size="about 520 MB"),),
    substitute="synth-faces",
)


def _read_tensor(
    file: BinaryIO, published: PublishedFile, shape: tuple[int, ...], *, label: str
) -> "Tensor":
    import torch

    _check_size(file, published, math.prod(shape), label=label)
    expected = f"expected one tensor of type torch.uint8 and shape {shape}"
    try:
        faces = torch.load(file, map_location="cpu", weights_only=True)
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{label}: {expected}, got a damaged file or something else, which is not unpickled "
            f"({reason})"
        ) from error
    if not isinstance(faces, torch.Tensor):
        raise InputError(f"{label}: {expected}, got a {type(faces).__name__}")
    if faces.dtype != torch.uint8 or faces.shape != shape or faces.layout != torch.strided:
        raise InputError(f"{label}: {expected}, got {faces.dtype} and {tuple(faces.shape)}")
    return faces


def _check_size(file: BinaryIO, published: PublishedFile, num_bytes: int, *, label: str) -> None:
    """Refuse what would need far more memory than the faces, packed or not."""
    packed = file.seek(0, 2)
    file.seek(0)
    unpacked = packed
    if file.read(2) == b"PK":
        with published.unzipping(file, label=label) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    file.seek(0)
    if not num_bytes <= unpacked <= 4 * num_bytes + _BYTES_FOR_HEADS:
        raise InputError(f"{label}: expected about {num_bytes} bytes of images, got {unpacked}")
