"""`chairs`: the published renderings of 1393 chairs, read from their archive."""

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.cache import CachedImages
from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.decoding import decode_all
from pyro_seatbelt.data.draft import UInt8Map, draft
from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.data.picture import crop_centre, read_picture, shrink
from pyro_seatbelt.data.published import check_ids, find_imported, opening
from pyro_seatbelt.data.published_file import PublishedFile
from pyro_seatbelt.data.source import MappedImages
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress

NAME = "chairs"
FILES = (
    PublishedFile(
        name="rendered_chairs.tar",
        kind="tar",
        address="https://www.di.ens.fr/willow/research/seeing3Dchairs/data/rendered_chairs.tar",
        rough_size="about 3 GB",
    ),
)
ADDRESS = FILES[0].address
NUM_IDENTITIES = 1393
ELEVATIONS = (20, 30)
AZIMUTHS = tuple(int(step * 360 / 31) for step in range(31))
VIEWS = (len(ELEVATIONS), len(AZIMUTHS))
IMAGE_SHAPE = (1, 64, 64)
FACTORS = ("identity", "elevation", "azimuth")
VERSION = "1"

_MEMBER = re.compile(
    r"(?:\./)?rendered_chairs/([0-9a-f]{1,64})/renders/image_\d{3}_p(\d{3})_t(\d{3})_r\d{3}\.png"
)
_PICTURE_SIZE = 600
_CROP = 400
_MOST_BYTES = 8 << 20


class _View(NamedTuple):
    """One picture of the archive: whose, from where, and its file."""

    chair: str
    elevation: int
    azimuth: int
    label: str
    content: bytes


class _HashingReader(io.RawIOBase):
    """Passes a file on and hashes every byte that goes by."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.num_bytes = 0

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self.digest.update(block)
        self.num_bytes += len(block)
        return block

    def drain(self) -> None:
        """Read on to the end of the file."""
        while self.read(1 << 20):
            pass


def load_chairs(request: LoadRequest) -> ImageDataset:
    """Open the published chairs, which must have been imported.

    Args:
        request: What is wanted; `ids` keeps the first so many chairs, by name.

    Returns:
        The data set.

    Raises:
        InputError: If the set is absent, damaged or smaller than asked for.
    """
    cached = find_imported(
        request,
        NAME,
        version=VERSION,
        title="the published chairs",
        files=FILES,
        substitute="synth-chairs",
    )
    return _dataset(cached, request.ids)


def import_chairs(
    archive: Path, request: LoadRequest, *, num_identities: int | None = None
) -> ImageDataset:
    """Read the published archive once and store its pictures at 64x64.

    The archive is read as a stream: nothing is unpacked, and names of members
    only tell whether and what they are. Pictures are laid on white, made grey,
    cut to their middle 400x400 pixels and resampled.

    Args:
        archive: ``rendered_chairs.tar``.
        request: Where to store the images.
        num_identities: How many chairs there must be; the published number unless a test has
            made a smaller archive.

    Returns:
        The data set.

    Raises:
        InputError: If this is not the published archive, it is damaged or incomplete, or the cache
            cannot be written. What was stored before stays.

    References:
        | Seeing 3D chairs (Aubry et al., 2014)
        | https://www.di.ens.fr/willow/research/seeing3Dchairs/
    """
    expected = NUM_IDENTITIES if num_identities is None else num_identities
    shape = (expected, *VIEWS, *IMAGE_SHAPE[1:])
    with draft(request.root, f"{NAME}-unsorted", shape) as unsorted:
        with opening(archive) as file:
            reader = _HashingReader(file)
            chairs = _fill(unsorted.array, reader, archive, request.progress)
            reader.drain()
        with draft(request.root, NAME, shape) as final:
            for position, chair in enumerate(sorted(chairs)):
                final.array[position] = unsorted.array[chairs[chair]]
            cached = final.commit(
                version=VERSION,
                image_shape=IMAGE_SHAPE,
                provenance={
                    "source": ADDRESS,
                    "archive_sha256": reader.digest.hexdigest(),
                    "archive_bytes": reader.num_bytes,
                    "crop": _CROP,
                    "reader_version": VERSION,
                },
            )
    return _dataset(cached, request.ids)


def _dataset(cached: CachedImages, ids: int | None) -> ImageDataset:
    stored = cached.shape[0]
    kept = check_ids(ids, stored, name=NAME)
    array = cached.array()[:kept]
    identity, elevation, azimuth = np.indices((kept, *VIEWS)).reshape(3, -1)
    return ImageDataset(
        name=NAME,
        images=MappedImages(array.reshape(-1, *IMAGE_SHAPE)),
        identities=identity,
        factors={"identity": identity, "elevation": elevation, "azimuth": azimuth},
        fingerprint=cached.fingerprint if kept == stored else fingerprint(NAME, VERSION, array),
        provenance=cached.provenance,
        synthetic=False,
    )


def _fill(
    array: UInt8Map, reader: _HashingReader, archive: Path, progress: Progress
) -> dict[str, int]:
    """Decode all views into the array, chairs in order of appearance.

    Returns:
        The position of every chair, by name.
    """
    positions: dict[str, int] = {}
    seen = np.zeros(array.shape[:3], bool)
    with closing(decode_all(_views(reader, archive), _decode)) as decoded:
        for count, (view, pixels) in enumerate(decoded, start=1):
            position = positions.setdefault(view.chair, len(positions))
            if position >= len(array):
                raise InputError(f"{archive}: expected {len(array)} chairs, got more: {view.chair}")
            place = position, ELEVATIONS.index(view.elevation), AZIMUTHS.index(view.azimuth)
            if seen[place]:
                raise InputError(f"{view.label}: expected each view of a chair once, got it twice")
            seen[place] = True
            array[place] = pixels
            progress("images", count, seen.size)
    if not seen.all():
        raise InputError(
            f"{archive}: expected {len(array)} chairs in {VIEWS[0] * VIEWS[1]} views each, got "
            f"{len(positions)} chairs and {seen.sum()} of {seen.size} views: it is not the whole "
            f"published archive, download {ADDRESS} again"
        )
    return positions


def _views(reader: _HashingReader, archive: Path) -> Iterator[_View]:
    """Pick the views out of the archive; everything else in it is passed over."""
    try:
        with tarfile.open(fileobj=reader, mode="r|") as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # or it would keep them all
                match = _MEMBER.fullmatch(member.name)
                if not member.isfile() or match is None:
                    continue
                label = f"{archive}: {member.name}"
                if member.size > _MOST_BYTES:
                    raise InputError(f"{label}: expected a picture of at most {_MOST_BYTES} bytes")
                opened = tar.extractfile(member)
                content = b"" if opened is None else opened.read()
                chair, elevation, azimuth = match[1], int(match[2]), int(match[3])
                if elevation not in ELEVATIONS or azimuth not in AZIMUTHS:
                    raise InputError(
                        f"{label}: expected elevation 20 or 30 and azimuth k*360/31, "
                        f"got {elevation} and {azimuth}"
                    )
                yield _View(chair, elevation, azimuth, label, content)
    except (tarfile.TarError, OSError) as error:
        raise InputError(
            f"{archive}: expected the published tar archive, whole and undamaged ({error}): "
            f"download {ADDRESS} again"
        ) from error


def _decode(view: _View) -> NDArray[np.uint8]:
    """Return a view as grey values, shape `(64, 64)`."""
    size = (_PICTURE_SIZE, _PICTURE_SIZE)
    file = io.BytesIO(view.content)
    picture = read_picture(file, label=view.label, formats=("PNG",), size=size)
    pixels = shrink(crop_centre(picture, _CROP, _CROP).convert("L"), IMAGE_SHAPE[-1])
    return pixels.reshape(IMAGE_SHAPE[1:])
