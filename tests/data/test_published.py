import io
import tarfile
from pathlib import Path

import pytest

from pyro_seatbelt.data.published import check_ids, check_kind, checked_digest, digest, opening
from pyro_seatbelt.data.published_file import Kind, PublishedFile
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
    check_kind(HEADS[kind], expected, label="a")
    for other, head in HEADS.items():
        if kind not in {"text", other} and (kind, other) != ("torch", "zip"):
            with pytest.raises(InputError, match=r"a: expected .*, got something else: get a ag"):
                check_kind(head, expected, label="a")
    for page in (b"<html>", b"\xef\xbb\xbf<!DOCTYPE html>", b"\r\n <html>"):
        with pytest.raises(InputError, match="got a web page"):
            check_kind(page, expected, label="a")
    with pytest.raises(InputError, match="got an empty file"):
        check_kind(b"", expected, label="a")


def test_a_tar_without_a_magic_number_is_one():
    head = bytearray(tar_head())
    head[257:265] = bytes(8)
    head[148:156] = b"        "
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    check_kind(bytes(head), PublishedFile("a", "tar"), label="a")


def test_digest_reads_all_and_goes_back():
    file = io.BytesIO(b"abc")
    file.read(2)
    found = digest(file)
    assert found.sha256.startswith("ba7816bf8f01cfea")
    assert found.num_bytes == 3
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
        checked_digest(io.BytesIO(b"PK\x03\x04\0"), expected, label="a.zip")


def test_missing_file(tmp_path: Path):
    with pytest.raises(InputError, match="none: cannot read the archive: No such"):
        opening(tmp_path / "none").__enter__()


@pytest.mark.parametrize("ids", [0, -1, 4])
def test_ids_out_of_range(ids: int):
    with pytest.raises(InputError, match=f"expected ids from 1 to 3 for toys, got {ids}"):
        check_ids(ids, 3, name="toys")
