"""Sets that somebody else publishes: their files checked before they are read, and found again."""

import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pyro_seatbelt.data.cache import CachedImages, find_cached
from pyro_seatbelt.data.published_file import Kind, PublishedFile
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.errors import InputError

_KINDS: dict[Kind, str] = {
    "tar": "a tar archive",
    "zip": "a zip archive",
    "torch": "a tensor saved by torch.save",
    "text": "plain text",
}
_BLOCK = 1 << 20
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,  # an unknown compression
    OSError,
    OverflowError,
    RuntimeError,  # an encrypted member
    ValueError,
)


class Digest(NamedTuple):
    """What identifies the bytes of a file.

    Attributes:
        sha256: SHA-256 (hex).
        md5: MD5 (hex), which is what publishers give.
        num_bytes: Its size.
    """

    sha256: str
    md5: str
    num_bytes: int


@contextmanager
def opening(path: Path) -> Iterator[BinaryIO]:
    """Open a file that the user named.

    Args:
        path: The file.

    Yields:
        The open file.

    Raises:
        InputError: If it cannot be opened.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: cannot read the archive: {reason}") from error
    with file:
        yield file


def check_kind(head: bytes, expected: PublishedFile, *, label: str) -> None:
    """Look at the first bytes of a file: is it what it is called?

    Args:
        head: At least its first 512 bytes, or all if it is shorter.
        expected: What it should be.
        label: What errors call it.

    Raises:
        InputError: If it is something else.

    Example:
        >>> check_kind(b"<html>Quota exceeded", PublishedFile("a.zip", "zip"), label="a.zip")
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: a.zip: expected a zip archive, got a web page: get a.zip \
again
    """
    page = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
    if page or not _fits_kind(head, expected.kind):
        got = "a web page" if page else "something else" if head else "an empty file"
        raise InputError(f"{label}: expected {_KINDS[expected.kind]}, got {got}: {expected.remedy}")


def _fits_kind(head: bytes, kind: Kind) -> bool:
    if kind == "tar":
        try:
            tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            return False
        return True
    if kind == "torch":  # since 1.6 a zip archive, before that a row of pickles
        return head.startswith((b"PK\x03\x04", b"\x80\x02"))
    if kind == "zip":
        return head.startswith(b"PK\x03\x04")
    return bool(head) and b"\0" not in head


def digest(file: BinaryIO) -> Digest:
    """Hash a file from its beginning to its end, and go back to its beginning.

    Args:
        file: The open file.

    Returns:
        Its hashes and size.

    Example:
        >>> import io
        >>> digest(io.BytesIO(b"abc")).md5
        '900150983cd24fb0d6963f7d28e17f72'
    """
    file.seek(0)
    sha256, md5, num_bytes = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    while block := file.read(_BLOCK):
        sha256.update(block)
        md5.update(block)
        num_bytes += len(block)
    file.seek(0)
    return Digest(sha256.hexdigest(), md5.hexdigest(), num_bytes)


def checked_digest(file: BinaryIO, expected: PublishedFile, *, label: str) -> Digest:
    """Hash a file and compare it with what is published about it.

    Args:
        file: The open file; it is left at its beginning.
        expected: What it should be.
        label: What errors call it.

    Returns:
        Its hashes and size.

    Raises:
        InputError: If its kind, its size or its hash is another one, or it cannot be read.
    """
    try:
        file.seek(0)
        check_kind(file.read(512), expected, label=label)
        found = digest(file)
    except OSError as error:
        raise InputError(f"{label}: cannot read: {error.strerror or error}") from error
    for what, wanted, got in (
        ("bytes", expected.num_bytes, found.num_bytes),
        ("MD5", expected.md5 or None, found.md5),
    ):
        if wanted is not None and wanted != got:
            raise InputError(
                f"{label}: expected the published file ({what} {wanted}), got {what} {got}: "
                f"{expected.remedy}"
            )
    return found


@contextmanager
def opening_zip(
    file: BinaryIO, expected: PublishedFile, *, label: str
) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive; whatever is broken in it is an error of the user's file.

    Args:
        file: The open file.
        expected: What it should be.
        label: What errors call it.

    Yields:
        The archive, to be read from.

    Raises:
        InputError: If it is damaged.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except InputError:
        raise
    except _BROKEN_ZIP as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{label}: expected the published zip archive, whole and undamaged ({reason}): "
            f"{expected.remedy}"
        ) from error


def find_imported(
    request: LoadRequest,
    name: str,
    *,
    version: str,
    title: str,
    files: tuple[PublishedFile, ...],
    substitute: str = "",
) -> CachedImages:
    """Look up a published set in the cache.

    Args:
        request: What is wanted.
        name: Name of the set.
        version: Version of its reader.
        title: What to call it: `the published chairs`.
        files: What it is published as.
        substitute: Synthetic set of the same kind.

    Returns:
        What is stored.

    Raises:
        InputError: If nothing is (with all ways on), or it is damaged or by another reader.
    """
    command = import_command(name)
    cached = find_cached(request.root, name, command=command)
    if cached is None:
        download = f"run `seatbelt data download {name}` ({files[0].rough_size} from {{}}) or "
        ways = [
            download.format(files[0].address) + f"`{command}`"
            if files[0].address
            else f"get {files[0].name} from its publishers and run `{command}`"
        ]
        if substitute:
            ways.append(f"use synthetic images with `--dataset {substitute}`")
        raise InputError(
            f"expected {title} in {request.root / name}.json, which is not there: "
            f"{', or '.join(ways)}"
        )
    if cached.version != version:
        raise InputError(
            f"{cached.path}: expected {name} imported by reader {version}, got {cached.version}: "
            f"run `{command}` again"
        )
    return cached


def import_command(name: str) -> str:
    """Return what a user runs to import a set.

    Example:
        >>> import_command("chairs")
        'seatbelt data import chairs FILE'
    """
    return f"seatbelt data import {name} FILE"


def check_ids(ids: int | None, stored: int, *, name: str) -> int:
    """Return how many identities to keep.

    Args:
        ids: How many are wanted; None is all.
        stored: How many there are.
        name: Name of the set.

    Raises:
        InputError: If there are not so many.

    Example:
        >>> check_ids(None, 50, name="faces3d")
        50
    """
    kept = stored if ids is None else ids
    if not 1 <= kept <= stored:
        raise InputError(f"expected ids from 1 to {stored} for {name}, got {ids}")
    return kept
