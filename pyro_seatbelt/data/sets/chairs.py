"""`chairs`: the published renderings of 1393 chairs, read from their archive."""

import io
import re
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.cache import CachedImages
from pyro_seatbelt.data.decoding import decode_all
from pyro_seatbelt.data.draft import UInt8Map, draft
from pyro_seatbelt.data.picture import crop_centre, read_picture, shrink
from pyro_seatbelt.data.published_file import HashingReader, PublishedFile, opening
from pyro_seatbelt.data.published_set import PublishedSet
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress

ADDRESS = "https://www.di.ens.fr/willow/research/seeing3Dchairs/data/rendered_chairs.tar"
ELEVATIONS = (20, 30)
AZIMUTHS = tuple(int(step * 360 / 31) for step in range(31))

_MEMBER = re.compile(
    r"(?:\./)?rendered_chairs/([0-9a-f]{1,64})/renders/image_\d{3}_p(\d{3})_t(\d{3})_r\d{3}\.png"
)
_PICTURE_SIZE = 600
_CROP = 400
_MOST_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True)
class Chairs(PublishedSet):
    """How the renderings of chairs are read.

    The archive is read once, as a stream: nothing is unpacked, and names of members
    only tell whether and what they are. Pictures are laid on white, made grey,
    cut to their middle 400x400 pixels and resampled. Chairs come in the order of
    their names.

    References:
        | Seeing 3D chairs (Aubry et al., 2014)
        | https://www.di.ens.fr/willow/research/seeing3Dchairs/
    """

    def read(self, archive: Path, request: LoadRequest) -> CachedImages:
        """Read ``rendered_chairs.tar`` and store its pictures."""
        with draft(request.root, f"{self.name}-unsorted", self.shape) as unsorted:
            with opening(archive) as file:
                reader = HashingReader(file)
                chairs = _fill(unsorted.array, reader, archive, request.progress)
                found = reader.digest()
            with draft(request.root, self.name, self.shape) as final:
                for position, chair in enumerate(sorted(chairs)):
                    final.array[position] = unsorted.array[chairs[chair]]
                return self.commit(final, found, crop=_CROP)


CHAIRS = Chairs(
    name="chairs",
    title="Renderings of 1393 chairs (Aubry et al., 2014)",
    called="the published chairs",
    factors=("identity", "elevation", "azimuth"),
    layout="rendered_chairs/<id>/renders/image_NNN_pPPP_tTTT_r096.png, 600x600, in a tar",
    licence="see the publishers' page",
    source=ADDRESS,
    version="1",
    shape=(1393, len(ELEVATIONS), len(AZIMUTHS), 64, 64),
    files=(PublishedFile("rendered_chairs.tar", "tar", ADDRESS, rough_size="about 3 GB"),),
    substitute="synth-chairs",
)


class _View(NamedTuple):
    """One picture of the archive: whose, from where, and its file."""

    chair: str
    elevation: int
    azimuth: int
    label: str
    content: bytes


def _fill(
    array: UInt8Map, reader: HashingReader, archive: Path, progress: Progress
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
            f"{archive}: expected {len(array)} chairs in {seen[0].size} views each, got "
            f"{len(positions)} chairs and {seen.sum()} of {seen.size} views: it is not the whole "
            f"published archive, download {ADDRESS} again"
        )
    return positions


def _views(reader: HashingReader, archive: Path) -> Iterator[_View]:
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
    return shrink(crop_centre(picture, _CROP, _CROP).convert("L"), 64).reshape(64, 64)
