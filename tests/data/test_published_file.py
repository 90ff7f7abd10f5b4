import io
import tarfile
from pathlib import Path

import pytest

from pyro_seatbelt.data.published_file import HashingReader, Kind, PublishedFile, opening
from pyro_seatbelt.errors import InputError


def tar_head() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("rendered_chairs"))
    return file.getvalue()[:512]


HEADS: dict[Kind, bytes] = {
    "tar": tar_head(),
    "zip": b"PK\x03\x04",
    "torch": b"\x80\x02\x8a",
    "text": b"202599\n",
}


@pytest.mark.parametrize("kind", HEADS)
def test_kinds(kind: Kind):
    expected = PublishedFile("a", kind)
    expected.check_head(HEADS[kind], label="a")
    for other, head in HEADS.items():
        if kind not in {"text", other} and (kind, other) != ("torch", "zip"):
            with pytest.raises(InputError, match=r"a: expected .*, got something else: get a ag"):
                expected.check_head(head, label="a")
    for page in (b"<html>", b"\xef\xbb\xbf<!DOCTYPE html>", b"\r\n <html>"):
        with pytest.raises(InputError, match="got a web page"):
            expected.check_head(page, label="a")
    with pytest.raises(InputError, match="got an empty file"):
        expected.check_head(b"", label="a")


def test_a_tar_without_a_magic_number_is_one():
    head = bytearray(tar_head())
    head[257:265] = bytes(8)
    head[148:156] = b"        "
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    PublishedFile("a", "tar").check_head(bytes(head), label="a")


def test_digest_covers_all_that_was_not_read():
    reader = HashingReader(io.BytesIO(b"abc"))
    assert reader.read(2) == b"ab"
    found = reader.digest()
    assert found.sha256.startswith("ba7816bf8f01cfea")
    assert found.md5.startswith("900150983cd24fb0")
    assert found.num_bytes == 3


def test_check_begins_at_the_beginning_and_goes_back():
    file = io.BytesIO(b"abc")
    file.read(2)
    assert PublishedFile("a", "text").check(file, label="a").num_bytes == 3
    assert file.tell() == 0


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"num_bytes": 4}, r"\(bytes 4\), got bytes 5: get a\.zip again"),
        ({"md5": "0" * 32, "address": "http://x/a.zip"}, r"got MD5 .*: download http://x/a\.zip"),
    ],
)
def test_other_file(facts: dict, message: str):
    expected = PublishedFile("a.zip", "zip", **facts)
    with pytest.raises(InputError, match=message):
        expected.check(io.BytesIO(b"PK\x03\x04\0"), label="a.zip")


def test_missing_file(tmp_path: Path):
    with pytest.raises(InputError, match="none: cannot read the archive: No such"):
        opening(tmp_path / "none").__enter__()
