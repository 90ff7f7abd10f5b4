"""A file that somebody else publishes, checked before it is read."""

import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from pyro_seatbelt.documents import check_regular
from pyro_seatbelt.errors import InputError

Kind = Literal["tar", "zip", "torch", "text"]

BROKEN_ZIP = (
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
"""What :mod:`zipfile` raises on archives that are damaged or odd."""

_KINDS: dict[Kind, str] = {
    "tar": "a tar archive",
    "zip": "a zip archive",
    "torch": "a tensor saved by torch.save",
    "text": "plain text",
}
_BLOCK = 1 << 20


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


class HashingReader(io.RawIOBase):
    """Passes a file on and hashes every byte that goes by.

    Args:
        file: The open file.

    Example:
        >>> reader = HashingReader(io.BytesIO(b"abc"))
        >>> reader.read(2), reader.digest().md5
        (b'ab', '900150983cd24fb0d6963f7d28e17f72')
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._num_bytes = 0

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes."""
        block = self._file.read(size)
        self._sha256.update(block)
        self._md5.update(block)
        self._num_bytes += len(block)
        return block

    def digest(self) -> Digest:
        """Read on to the end of the file, and say what identifies it."""
        while self.read(_BLOCK):
            pass
        return Digest(self._sha256.hexdigest(), self._md5.hexdigest(), self._num_bytes)


@dataclass(frozen=True)
class PublishedFile:
    """What is known of a published file.

    Attributes:
        name: What its publishers call it.
        kind: What is in it.
        address: Where it can be downloaded; empty if it cannot or must not be.
        num_bytes: Its size, if that is published.
        md5: Its MD5 (hex), if that is published, else empty.
        rough_size: Its size in words.
    """

    name: str
    kind: Kind
    address: str = ""
    num_bytes: int | None = None
    md5: str = ""
    rough_size: str = ""

    @property
    def remedy(self) -> str:
        """What to do about a damaged one: the end of a sentence."""
        return f"download {self.address} again" if self.address else f"get {self.name} again"

    def check_head(self, head: bytes, *, label: str) -> None:
        """Look at the first bytes of a file: is it of this kind?

        Args:
            head: At least its first 512 bytes, or all if it is shorter.
            label: What errors call it.

        Raises:
            InputError: If it is something else.

        Example:
            >>> PublishedFile("a.zip", "zip").check_head(b"<html>Quota exceeded", label="a.zip")
            Traceback (most recent call last):
                ...
            pyro_seatbelt.errors.InputError: a.zip: expected a zip archive, got a web page: \
get a.zip again
        """
        page = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
        if page or not _is_of_kind(head, self.kind):
            got = "a web page" if page else "something else" if head else "an empty file"
            raise InputError(f"{label}: expected {_KINDS[self.kind]}, got {got}: {self.remedy}")

    def check(self, file: BinaryIO, *, label: str) -> Digest:
        """Hash a file and compare it with what is published about this one.

        Args:
            file: The open file; it is left at its beginning.
            label: What errors call it.

        Returns:
            Its hashes and size.

        Raises:
            InputError: If its kind, its size or its hash is another one, or it cannot be read.
        """
        try:
            file.seek(0)
            self.check_head(file.read(512), label=label)
            file.seek(0)
            found = HashingReader(file).digest()
            file.seek(0)
        except OSError as error:
            raise InputError(f"{label}: cannot read: {error.strerror or error}") from error
        for what, wanted, got in (
            ("bytes", self.num_bytes, found.num_bytes),
            ("MD5", self.md5 or None, found.md5),
        ):
            if wanted is not None and wanted != got:
                raise InputError(
                    f"{label}: expected the published file ({what} {wanted}), got {what} {got}: "
                    f"{self.remedy}"
                )
        return found

    @contextmanager
    def unzipping(self, file: BinaryIO, *, label: str) -> Iterator[zipfile.ZipFile]:
        """Open a zip archive; whatever is broken in it is an error of the user's file.

        Args:
            file: The open file.
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
        except BROKEN_ZIP as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"{label}: expected the published zip archive, whole and undamaged ({reason}): "
                f"{self.remedy}"
            ) from error


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
        check_regular(path)
        file = path.open("rb")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: cannot read the archive: {reason}") from error
    with file:
        yield file


def _is_of_kind(head: bytes, kind: Kind) -> bool:
    if kind == "tar":
        try:
            tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            return False
        return True
    if kind == "torch":  # since 1.6 a zip archive, before that several pickles
        return head.startswith((b"PK\x03\x04", b"\x80\x02"))
    if kind == "zip":
        return head.startswith(b"PK\x03\x04")
    return bool(head) and b"\0" not in head
