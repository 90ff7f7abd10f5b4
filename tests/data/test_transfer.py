"""Downloads from a server on this machine that misbehaves."""

import errno
import hashlib
import os
import shutil
import socket
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyro_seatbelt.data import transfer
from pyro_seatbelt.data.published_file import PublishedFile
from pyro_seatbelt.data.transfer import fetch
from pyro_seatbelt.errors import InputError

RANDOM = np.random.default_rng(0).integers(0, 256, 1_000_000, dtype=np.uint8).tobytes()
CONTENT = b"PK\x03\x04" + RANDOM
OTHER = b"PK\x03\x04" + RANDOM[::-1]


def described(content: bytes = CONTENT, **facts: Any) -> PublishedFile:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return PublishedFile("toys.zip", "zip", **{"num_bytes": len(content), "md5": md5, **facts})


UNKNOWN = described(num_bytes=None, md5="")


def visible(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if not file.name.startswith(".")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "downloads"


@pytest.fixture
def get(server, folder: Path):
    """Fetches from the server; the file's content."""
    server.content = CONTENT

    def run(file: PublishedFile = UNKNOWN, **options: Any) -> bytes:
        fetched = fetch(file, folder, addresses=[f"{server.address}toys.zip"], **options)
        assert visible(folder) == {"toys.zip"}
        return fetched.read_bytes()

    return run


class TestWhole:
    @pytest.mark.parametrize("file", [UNKNOWN, described()])
    def test_comes(self, get, server, file: PublishedFile):
        assert get(file) == CONTENT
        assert server.requests == [("/toys.zip", None)]

    def test_without_a_length(self, get, server):
        server.length = False
        assert get() == CONTENT

    def test_progress(self, get):
        calls: list[tuple[str, float, float]] = []
        get(progress=lambda *call: calls.append(call))
        assert calls[-1] == ("bytes", len(CONTENT), len(CONTENT))
        assert [done for _, done, _ in calls] == sorted({done for _, done, _ in calls})

    def test_is_not_fetched_again(self, get, server):
        get(described())
        assert get(described()) == CONTENT
        assert len(server.requests) == 1

    def test_redirect(self, get, server):
        server.answers = [302]
        assert get() == CONTENT
        assert [path for path, _ in server.requests] == ["/toys.zip", "/moved.zip"]


class TestCutOff:
    @pytest.mark.parametrize("file", [UNKNOWN, described()])
    def test_goes_on_by_itself(self, get, server, file: PublishedFile):
        server.drops = [300_000, 1000, 400_000]
        assert get(file) == CONTENT
        ranges = [asked for _, asked in server.requests]
        assert ranges == [None, "bytes=300000-", "bytes=301000-", "bytes=701000-"]

    @pytest.mark.parametrize("tag", ['"1"', ""])
    def test_goes_on_in_a_later_call(self, get, server, folder: Path, tag: str):
        server.tag = tag
        server.drops = [400_000, 0, 0, 0, 0, 0]
        with pytest.raises(InputError, match=r"cut off after 400000 bytes \(.*say the same again"):
            get(described())
        assert visible(folder) == {"toys.zip.part", "toys.zip.part.json"}
        server.requests.clear()
        assert get(described()) == CONTENT
        assert server.requests == [("/toys.zip", "bytes=400000-")]

    def test_without_tag_and_hash_nothing_is_joined(self, get, server):
        server.tag = ""
        server.drops = [300_000]
        assert get() == CONTENT
        assert [asked for _, asked in server.requests] == [None, None]

    def test_weak_tags_do_not_count(self, get, server):
        server.tag = 'W/"1"'
        server.drops = [300_000]
        assert get() == CONTENT
        assert [asked for _, asked in server.requests] == [None, None]

    def test_server_that_ignores_range(self, get, server):
        server.ranges = False
        server.drops = [300_000, 500_000]
        assert get() == CONTENT

    def test_notes_that_are_lost(self, get, server, folder: Path):
        server.drops = [400_000, 0, 0, 0, 0, 0]
        with pytest.raises(InputError):
            get()
        (folder / "toys.zip.part.json").write_text("{")
        server.requests.clear()
        assert get() == CONTENT
        assert server.requests == [("/toys.zip", None)]

    def test_killed_after_the_last_byte(self, get, server, folder: Path):
        server.drops = [len(CONTENT) - 1, 0, 0, 0, 0, 0]
        with pytest.raises(InputError):
            get()
        with (folder / "toys.zip.part").open("ab") as part:
            part.write(CONTENT[-1:])
        server.requests.clear()
        assert get() == CONTENT
        assert server.requests == []

    def test_gives_up(self, get, server):
        server.drops = [0] * 10
        with pytest.raises(InputError, match="cut off after 0 bytes"):
            get()
        assert len(server.requests) == 5

    def test_busy_server(self, get, server):
        server.answers = [503, 429]
        assert get() == CONTENT

    def test_silent_server(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(transfer, "_PAUSE", 0)
        monkeypatch.setattr(transfer, "_SECONDS_OF_SILENCE", 0.02)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"http://127.0.0.1:{silent.getsockname()[1]}/toys.zip"
            with pytest.raises(InputError, match=r"cut off after 0 bytes \(timed out\)"):
                fetch(UNKNOWN, folder, addresses=[address])


class TestChangedMidway:
    def change(self, server) -> None:
        def after(path: str) -> None:
            server.content, server.tag = OTHER, server.tag and '"2"'

        server.after = after
        server.drops = [300_000]

    def test_with_a_tag(self, get, server):
        self.change(server)
        assert get() == OTHER
        assert len(server.requests) == 2

    def test_with_a_tag_that_the_server_does_not_look_at(self, get, server):
        self.change(server)
        server.ranges = "blindly"
        assert get() == OTHER
        assert [asked for _, asked in server.requests] == [None, "bytes=300000-", None]

    def test_with_a_hash_only(self, get, server):
        """The joined file has a wrong hash; fetched anew it is right."""
        self.change(server)
        server.tag = ""
        assert get(described(OTHER)) == OTHER
        assert [asked for _, asked in server.requests] == [None, "bytes=300000-", None]

    def test_to_another_length(self, get, server):
        def after(path: str) -> None:
            server.content = CONTENT[:500_000]

        server.after, server.drops, server.ranges = after, [300_000], "blindly"
        assert get() == CONTENT[:500_000]

    def test_to_less_than_is_here(self, get, server):
        def after(path: str) -> None:
            server.content = CONTENT[:1000]

        server.after, server.drops, server.ranges = after, [300_000], "blindly"
        assert get() == CONTENT[:1000]


class TestOtherContent:
    def refuse(self, get, folder: Path, file: PublishedFile, message: str) -> None:
        with pytest.raises(InputError, match=message) as caught:
            get(file)
        assert "\n" not in str(caught.value)
        assert visible(folder) <= {"toys.zip.part", "toys.zip.part.json"}

    def test_wrong_hash(self, get, server, folder: Path):
        server.content = OTHER
        self.refuse(get, folder, described(), r"toys\.zip: expected the published file \(MD5 ")
        assert len(server.requests) == 1

    def test_wrong_size(self, get, server, folder: Path):
        server.content = CONTENT[:-1]
        self.refuse(get, folder, described(), "of 1000004 bytes, got 1000003")

    def test_wrong_size_that_is_not_said(self, get, server, folder: Path):
        server.content, server.length = CONTENT[:-1], False
        self.refuse(get, folder, described(), r"\(bytes 1000004\), got bytes 1000003")

    def test_page(self, get, server, folder: Path):
        server.content, server.kind = b"<html>quota exceeded</html>", "text/html; charset=utf-8"
        self.refuse(get, folder, described(num_bytes=None), "expected toys.zip, got a web page")

    def test_page_called_zip(self, get, server, folder: Path):
        server.content = b"<!DOCTYPE html><html>quota exceeded</html>"
        self.refuse(get, folder, UNKNOWN, "expected a zip archive, got a web page")

    def test_something_else(self, get, server, folder: Path):
        server.content = RANDOM
        self.refuse(get, folder, UNKNOWN, "expected a zip archive, got something else")

    def test_nothing(self, get, server, folder: Path):
        server.content = b""
        self.refuse(get, folder, UNKNOWN, "toys.zip: expected a zip archive, got an empty file")

    @pytest.mark.parametrize("status", [403, 404])
    def test_refused(self, get, server, folder: Path, status: int):
        server.answers = [status]
        self.refuse(get, folder, UNKNOWN, rf"toys\.zip: the server answered {status}")
        assert len(server.requests) == 1

    def test_earlier_file_stays(self, get, server, folder: Path):
        get()
        server.content = OTHER
        assert get() == CONTENT
        with pytest.raises(InputError, match=r"toys\.zip: expected the published file"):
            get(described(OTHER))
        assert (folder / "toys.zip").read_bytes() == CONTENT


class TestMirrors:
    def fetch(self, server, folder: Path, *paths: str) -> bytes:
        server.content = CONTENT
        return fetch(
            described(), folder, addresses=[f"{server.address}{path}" for path in paths]
        ).read_bytes()

    def test_next_one_after_a_refusal(self, server, folder: Path):
        server.answers = [404]
        assert self.fetch(server, folder, "a.zip", "b.zip") == CONTENT
        assert [path for path, _ in server.requests] == ["/a.zip", "/b.zip"]

    def test_all_refuse(self, server, folder: Path):
        server.answers = [404, 403]
        with pytest.raises(InputError, match=r"a\.zip: .* 404 .*; .*b\.zip: .* 403 "):
            self.fetch(server, folder, "a.zip", "b.zip")

    def test_parts_of_two_are_not_joined(self, server, folder: Path):
        server.drops = [400_000, 0, 0, 0, 0, 0]
        assert self.fetch(server, folder, "a.zip", "b.zip") == CONTENT
        assert server.requests[-1] == ("/b.zip", None)

    @pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://x/y", "toys.zip", "http://"])
    def test_other_schemes(self, folder: Path, address: str):
        with pytest.raises(InputError, match="expected an address that begins with https://"):
            fetch(UNKNOWN, folder, addresses=[address])


class TestFullDisk:
    def test_is_seen_before(self, get, folder: Path, monkeypatch: pytest.MonkeyPatch):
        usage = shutil.disk_usage(folder.parent)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
        message = r"toys\.zip\.part: cannot write: 1000004 bytes are to come and 1000 are free"
        with pytest.raises(InputError, match=message):
            get()

    def test_is_met_midway(self, get, server, folder: Path, monkeypatch: pytest.MonkeyPatch):
        server.drops = [300_000]
        opened = Path.open

        def refuse(path: Path, mode: str = "r", *arguments: Any, **options: Any):
            if mode == "ab" and path.exists() and path.stat().st_size >= 300_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return opened(path, mode, *arguments, **options)

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(InputError, match=r"\.part: cannot write: No space left on device"):
            get()
        assert (folder / "toys.zip.part").stat().st_size == 300_000
        monkeypatch.undo()
        monkeypatch.setenv("no_proxy", "*")
        assert get() == CONTENT
        assert server.requests[-1] == ("/toys.zip", "bytes=300000-")

    def test_folder_that_cannot_be_made(self, server, tmp_path: Path):
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match="cannot write: "):
            fetch(UNKNOWN, tmp_path / "file", addresses=[server.address])


def test_two_at_once_fetch_once(get, server):
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(get(described()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [CONTENT] * 3
    assert len(server.requests) == 1
