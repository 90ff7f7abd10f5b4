"""Downloads that are taken up where they were cut off."""

# The rendered chairs are 3 GB. pooch (1.9) cannot go on with a file: its HTTPDownloader asks for
# the whole of it, without Range and If-Range, and what has come is removed when it fails.

import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast

from pyro_seatbelt.data.published_file import PublishedFile, opening
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import writing
from pyro_seatbelt.locks import turn
from pyro_seatbelt.progress import Progress, silent

_BLOCK = 1 << 18
_SECONDS_OF_SILENCE = 30.0
_TRIES = 5
_PAUSE = 1.0
_TRY_LATER = {408, 429, 500, 502, 503, 504}
_NOT_SATISFIABLE = 416


class _CutOffError(Exception):
    """The connection ended before the file did."""


@dataclass(frozen=True)
class _Origin:
    """Where a part of a file came from, and which version of the file it is of.

    Attributes:
        address: Where it was asked for.
        validator: What its server calls this version of it: a strong ETag or a date; or empty.
        total: Size of the whole file, if its server said.
    """

    address: str
    validator: str = ""
    total: int | None = None

    def agrees(self, earlier: "_Origin") -> bool:
        """Whether, as far as is known, both are of the same version of the file."""
        pairs = ((self.validator, earlier.validator), (self.total, earlier.total))
        return all(not new or not old or new == old for new, old in pairs)


def fetch(
    file: PublishedFile,
    folder: Path,
    *,
    addresses: Sequence[str] = (),
    progress: Progress = silent,
) -> Path:
    """Download a published file, or what is still missing of it.

    It comes under the name ``NAME.part`` and gets its own name once its kind,
    its size and its hash are right. When the connection ends early the rest is
    asked for, now and in later calls, unless the server says that the file has
    changed or cannot say that it has not.

    Args:
        file: What is known of it.
        folder: Where to put it, made if need be.
        addresses: Mirrors, tried in this order instead of the published address.
        progress: Told about the stage "bytes".

    Returns:
        The file.

    Raises:
        InputError: If no address has it, it is not what was published, or the folder cannot be
            written. What has come is kept, unless it is wrong.
    """
    part = folder / f"{file.name}.part"
    lock = folder / f".{file.name}.lock"
    with writing(part):
        folder.mkdir(parents=True, exist_ok=True)
        lock.touch()
    with turn(lock):  # another process may be at it: wait, and find the file there
        return _fetch_first(file, folder / file.name, part, addresses, progress)


def _fetch_first(
    file: PublishedFile,
    target: Path,
    part: Path,
    addresses: Sequence[str],
    progress: Progress,
) -> Path:
    """Go through the addresses until one has the file."""
    if target.exists():
        with opening(target) as opened:
            file.check(opened, label=str(target))
        return target
    problems = []
    for address in addresses or (file.address,):
        try:
            _Transfer(file, part, address, progress).run()
        except InputError as error:
            problems.append(str(error))
        else:
            part.replace(target)
            return target
    raise InputError("; ".join(problems))


class _Transfer:
    """One file on its way from one address."""

    def __init__(self, file: PublishedFile, part: Path, address: str, progress: Progress) -> None:
        if not re.match(r"https?://[^/]", address):
            raise InputError(f"{address}: expected an address that begins with https:// or http://")
        self._file = file
        self._part = part
        self._notes = part.with_name(f"{part.name}.json")
        self._address = address
        self._progress = progress
        self._resumed = False
        self._origin = self._read_notes()

    def run(self) -> None:
        """Fetch the whole file; afterwards it is known to be right."""
        self._fetch_all()
        try:
            self._check()
        except InputError:
            if not self._resumed:
                raise
            self._fetch_all()  # its end may have belonged to another file than its beginning
            self._check()
        self._notes.unlink(missing_ok=True)

    def _fetch_all(self) -> None:
        """Ask for the rest until nothing is missing, or nothing comes any more."""
        failures = 0
        while True:
            before = self._have()
            try:
                self._ask_for_rest()
            except (_CutOffError, OSError, HTTPException) as error:
                failures = 0 if self._have() > before else failures + 1
                if failures == _TRIES:
                    reason = " ".join(str(getattr(error, "reason", error)).split())
                    raise InputError(
                        f"{self._address}: cut off after {self._have()} bytes "
                        f"({reason or type(error).__name__}): say the same again to go on"
                    ) from error
                time.sleep(_PAUSE * failures)
            else:
                return

    def _ask_for_rest(self) -> None:
        """Ask for what is missing, once."""
        have = self._have()
        if have and have == self._origin.total:
            return
        if have and not (self._origin.validator or self._file.md5):
            have = 0  # nothing would tell whether the rest belongs to it
        try:
            with _asking(self._address, have, self._origin.validator) as response:
                self._receive(response, have)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == _NOT_SATISFIABLE and have:
                    self._start_over()
                    raise _CutOffError("the file has changed") from error
                if error.code in _TRY_LATER:
                    raise _CutOffError(f"{error.code} {error.reason}") from error
                raise InputError(
                    f"{self._address}: the server answered {error.code} {error.reason}"
                ) from error

    def _receive(self, response: HTTPResponse, have: int) -> None:
        start, total = _range(response)
        found = _Origin(self._address, _validator(response), total)
        if start and (start != have or not found.agrees(self._origin)):
            self._start_over()
            raise _CutOffError("the file has changed")
        if response.headers.get_content_type() == "text/html":
            raise InputError(f"{self._address}: expected {self._file.name}, got a web page")
        if start:
            self._resumed = True
        else:
            self._start_over(found)
        self._check_space((total or 0) - start)
        done = start
        while block := response.read(_BLOCK):
            if not done:
                self._check_head(block, total)
            with writing(self._part), self._part.open("ab") as opened:
                opened.write(block)
            done += len(block)
            self._progress("bytes", done, max(done, total or 0))
        if total is not None and done < total:
            raise _CutOffError(f"{total - done} bytes are missing")

    def _check_head(self, block: bytes, total: int | None) -> None:
        """See early that this may be the published file."""
        self._file.check_head(block, label=self._address)
        expected = self._file.num_bytes
        if None not in {total, expected} and total != expected:
            raise InputError(
                f"{self._address}: expected {self._file.name} of {expected} bytes, got {total}"
            )

    def _check(self) -> None:
        """See that the file is the published one; remove it if it is not."""
        try:
            with opening(self._part) as opened:
                self._file.check(opened, label=self._address)
                os.fsync(opened.fileno())
        except InputError:
            self._start_over()
            raise

    def _check_space(self, missing: int) -> None:
        free = shutil.disk_usage(self._part.parent).free
        if missing > free:
            raise InputError(
                f"{self._part}: cannot write: {missing} bytes are to come and {free} are free"
            )

    def _have(self) -> int:
        """Count the bytes that have come from this address."""
        try:
            return self._part.stat().st_size
        except FileNotFoundError:
            return 0

    def _start_over(self, origin: _Origin | None = None) -> None:
        """Forget what has come."""
        self._origin = origin or _Origin(self._address)
        with writing(self._part):
            self._notes.unlink(missing_ok=True)
            self._part.unlink(missing_ok=True)
            if origin is not None:
                self._notes.write_text(json.dumps(asdict(origin)), encoding="utf-8")
                self._part.touch()

    def _read_notes(self) -> _Origin:
        """Recall what is known of the part; without notes about it, it is of no use."""
        try:
            origin = _Origin(**json.loads(self._notes.read_bytes()))
        except (OSError, ValueError, TypeError):
            origin = _Origin("")
        if origin.address != self._address:
            self._start_over()
            return self._origin
        return origin


@contextmanager
def _asking(address: str, have: int, validator: str) -> Iterator[HTTPResponse]:
    request = urllib.request.Request(address)  # noqa: S310 - the scheme is checked, see _opener
    request.add_header("User-Agent", "pyro-seatbelt")
    if have:
        request.add_header("Range", f"bytes={have}-")
        if validator:
            request.add_header("If-Range", validator)
    with _opener().open(request, timeout=_SECONDS_OF_SILENCE) as response:
        yield cast(HTTPResponse, response)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that knows the web and nothing else: no files, no FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _range(response: HTTPResponse) -> tuple[int, int | None]:
    """Return where the answer begins in the file, and the size of the file if it is said."""
    if response.status == 206:
        match = re.fullmatch(
            r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
        )
        if match is None:
            raise HTTPException("an answer of an unknown range")
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _validator(response: HTTPResponse) -> str:
    """Return what tells this version of the file from others, byte by byte."""
    tag = str(response.headers.get("ETag", ""))
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
