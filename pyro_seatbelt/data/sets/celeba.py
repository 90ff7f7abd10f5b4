"""`celeba`: 202,599 photographs of faces, read from their archive."""

import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.cache import CachedImages
from pyro_seatbelt.data.dataset import ImageDataset, Split
from pyro_seatbelt.data.decoding import decode_all
from pyro_seatbelt.data.draft import UInt8Map, draft
from pyro_seatbelt.data.picture import crop_centre, read_picture, shrink
from pyro_seatbelt.data.published_file import PublishedFile, opening
from pyro_seatbelt.data.published_set import PublishedSet
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.data.subset import even_subset
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress

FACTORS = (
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs",
    "Big_Lips", "Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows",
    "Chubby", "Double_Chin", "Eyeglasses", "Goatee", "Gray_Hair", "Heavy_Makeup",
    "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache", "Narrow_Eyes", "No_Beard",
    "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks", "Sideburns",
    "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat",
    "Wearing_Lipstick", "Wearing_Necklace", "Wearing_Necktie", "Young",
)  # fmt: skip

_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
_TERMS = "non-commercial research only, no redistribution"
_PARTITION = "partition"
_TRAIN, _VALIDATION, _TEST = 0, 1, 2
_MEMBER = re.compile(r"(?:img_align_celeba/)?([0-9]{6})\.jpg")
_PICTURE_SIZE = (178, 218)
_CROP = 148
_MOST_BYTES = 1 << 20
_MOST_TEXT = 64 << 20


@dataclass(frozen=True, kw_only=True)
class CelebA(PublishedSet):
    """How the archive of photographs and the two lists beside it are read.

    Nothing is unpacked; names of members only tell which picture they are.
    Pictures are cut to their middle 148x148 pixels and resampled, in colour.
    Each is an identity of its own, and some of them lie evenly over all. The 40
    attributes are the factors (0 no, 1 yes). Training has the images that their
    publishers call so, the held-out ones are their test images; the validation
    images are on neither side.

    References:
        | Deep Learning Face Attributes in the Wild (Liu et al., 2015)
        | https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html
    """

    def read(self, archive: Path, request: LoadRequest) -> CachedImages:
        """Read ``img_align_celeba.zip`` and its lists, and store images and labels."""
        pictures, partition_list, attribute_list = self.files
        partition = _read_partition(archive, partition_list, self.num_images)
        attributes = _read_attributes(archive, attribute_list, self.num_images)
        with opening(archive) as file:
            found = pictures.check(file, label=str(archive))
            with (
                pictures.unzipping(file, label=str(archive)) as members,
                draft(request.root, self.name, self.shape) as unfinished,
            ):
                _fill(unfinished.array, members, archive, request.progress)
                labels = {_PARTITION: partition, **attributes}
                return self.commit(unfinished, found, labels=labels, crop=_CROP)

    def open(self, cached: CachedImages, kept: int) -> ImageDataset:
        """Open so many images."""
        import torch

        numbers = np.sort(even_subset(kept, cached.num_images))
        pixels = cached.pixels()
        labels = {name: classes[numbers] for name, classes in cached.read_labels().items()}
        sides = [torch.from_numpy(np.flatnonzero(labels[_PARTITION] == n)) for n in (_TRAIN, _TEST)]
        if not all(map(len, sides)):
            raise InputError(
                f"expected images to train on and to test on out of {kept} of {self.name}: "
                "use more ids"
            )
        return self.as_dataset(
            cached,
            pixels if kept == len(pixels) else pixels[numbers],
            identities=numbers,
            factors={name: labels[name].astype(np.int64) for name in self.factors},
            labels=labels,
            split=Split(*sides),
        )


CELEBA = CelebA(
    name="celeba",
    title="Photographs of faces (Liu et al., 2015)",
    called="the published photographs",
    factors=FACTORS,
    layout="img_align_celeba/NNNNNN.jpg, 178x218, in a zip; two lists beside it",
    licence=_TERMS,
    terms=_TERMS,
    source="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    version="1",
    shape=(202_599, 3, 64, 64),
    image_shape=(3, 64, 64),
    files=(
        PublishedFile(
            "img_align_celeba.zip",
            "zip",
            f"{_DRIVE}0B7EVK8r0v71pZjFTYXZWM3FlRnM",
            num_bytes=1_443_490_838,
            md5="00d2c5bc6d35e252742224ab0c1e8fcb",
            rough_size="1.4 GB",
        ),
        PublishedFile(
            "list_eval_partition.txt",
            "text",
            f"{_DRIVE}0B7EVK8r0v71pY0NSMzRuSXJEVkk",
            md5="d32c9cbf5e040fd4025c592c306e6668",
            rough_size="3 MB",
        ),
        PublishedFile(
            "list_attr_celeba.txt",
            "text",
            f"{_DRIVE}0B7EVK8r0v71pblRyaVFSWGxPY0U",
            md5="75e246fa4810816ffd6ee81facbd244c",
            rough_size="27 MB",
        ),
    ),
)


class _Photograph(NamedTuple):
    """One member of the archive: its number from 0 on and its file."""

    number: int
    label: str
    content: bytes


def _read_lines(path: Path, published: PublishedFile) -> list[str]:
    with opening(path) as file:
        published.check(file, label=str(path))
        content = file.read(_MOST_TEXT + 1)
    if len(content) > _MOST_TEXT or not content.isascii():
        raise InputError(f"{path}: expected a list of pictures in plain text")
    return content.decode("ascii").splitlines()


def _check_name(path: Path, number: int, words: list[str], num_words: int) -> None:
    """See that a line is about the picture it should be about."""
    name = f"{number + 1:06d}.jpg"
    if len(words) != num_words or words[0] != name:
        raise InputError(
            f"{path}: expected {name} and {num_words - 1} numbers, got {' '.join(words)[:60]!r}"
        )


def _check_length(path: Path, got: int, expected: int) -> None:
    if got != expected:
        raise InputError(f"{path}: expected {expected} pictures, got {got}")


def _read_partition(archive: Path, published: PublishedFile, num_images: int) -> NDArray[np.uint8]:
    """Read which pictures are to train, to validate and to test on."""
    path = archive.with_name(published.name)
    lines = _read_lines(path, published)
    _check_length(path, len(lines), num_images)
    partition = np.empty(num_images, np.uint8)
    for number, line in enumerate(lines):
        words = line.split()
        _check_name(path, number, words, 2)
        if words[1] not in {str(side) for side in (_TRAIN, _VALIDATION, _TEST)}:
            raise InputError(f"{path}: expected 0, 1 or 2 for {words[0]}, got {words[1]}")
        partition[number] = int(words[1])
    return partition


def _read_attributes(
    archive: Path, published: PublishedFile, num_images: int
) -> dict[str, NDArray[np.uint8]]:
    """Read the 40 attributes of every picture, 0 or 1."""
    path = archive.with_name(published.name)
    lines = _read_lines(path, published)
    head, rows = lines[:2], lines[2:]
    if len(head) < 2 or tuple(head[1].split()) != FACTORS:
        raise InputError(f"{path}: expected the names of {len(FACTORS)} attributes in line 2")
    _check_length(path, len(rows), num_images)
    values = np.empty((num_images, len(FACTORS)), np.uint8)
    for number, line in enumerate(rows):
        words = line.split()
        _check_name(path, number, words, 1 + len(FACTORS))
        if not {"1", "-1"}.issuperset(words[1:]):
            raise InputError(f"{path}: expected 1 or -1 for every attribute of {words[0]}")
        values[number] = [word == "1" for word in words[1:]]
    return {name: values[:, column] for column, name in enumerate(FACTORS)}


def _fill(array: UInt8Map, members: ZipFile, archive: Path, progress: Progress) -> None:
    seen = np.zeros(len(array), bool)
    with closing(decode_all(_photographs(members, archive, len(array)), _decode)) as decoded:
        for count, (photograph, pixels) in enumerate(decoded, start=1):
            if seen[photograph.number]:
                raise InputError(f"{photograph.label}: expected each picture once, got it twice")
            seen[photograph.number] = True
            array[photograph.number] = pixels  # a grey one fills all channels
            progress("images", count, len(array))
    if not seen.all():
        raise InputError(
            f"{archive}: expected {len(array)} pictures, got {seen.sum()}: it is not the whole "
            "published archive"
        )


def _photographs(members: ZipFile, archive: Path, num_images: int) -> Iterator[_Photograph]:
    """Pick the pictures out of the archive; everything else in it is passed over."""
    for member in members.infolist():
        match = _MEMBER.fullmatch(member.filename)
        if match is None:
            continue
        label = f"{archive}: {member.filename}"
        if not 1 <= int(match[1]) <= num_images:
            raise InputError(f"{label}: expected pictures 000001 to {num_images:06d}")
        if member.file_size > _MOST_BYTES:
            raise InputError(f"{label}: expected a picture of at most {_MOST_BYTES} bytes")
        yield _Photograph(int(match[1]) - 1, label, members.read(member))


def _decode(photograph: _Photograph) -> NDArray[np.uint8]:
    """Return a photograph as colour values, shape `(3, 64, 64)` or `(1, 64, 64)` if it is grey."""
    picture = read_picture(
        io.BytesIO(photograph.content),
        label=photograph.label,
        formats=("JPEG",),
        size=_PICTURE_SIZE,
    )
    return shrink(crop_centre(picture, _CROP, _CROP), 64)
