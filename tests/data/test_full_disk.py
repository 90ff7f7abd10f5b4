"""A disk of one megabyte that fills up, where the tests may mount one."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from pyro_seatbelt.cli.app import app
from pyro_seatbelt.data import load_dataset, verify
from pyro_seatbelt.data.draft import draft
from pyro_seatbelt.data.published_file import PublishedFile
from pyro_seatbelt.data.sets.faces3d import FACES3D
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.data.transfer import fetch
from pyro_seatbelt.errors import InputError

NO_SPACE = "cannot write: No space left on device"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("no mount")
    command = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small disk")
    yield place
    subprocess.run([shutil.which("umount") or "umount", "-l", str(place)], check=True)


def visible(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if not file.name.endswith(".lock")}


def test_drawn_set(disk: Path, monkeypatch: pytest.MonkeyPatch):
    """The first chair has room, ten of them do not; no process dies of it."""
    monkeypatch.setenv("SEATBELT_DATA", str(disk))
    kept = load_dataset("synth-chairs", ids=1)
    files = visible(disk)
    result = CliRunner().invoke(app, ["data", "build", "synth-chairs", "--ids", "10"])
    assert result.exit_code == 2
    assert result.stderr == f"error: {disk}: {NO_SPACE}\n"
    assert visible(disk) == files
    assert load_dataset("synth-chairs", ids=1).fingerprint == kept.fingerprint
    assert len(verify("synth-chairs")) == 1


def test_import(disk: Path, tmp_path: Path):
    shapes = [(3, 4, 4, 1, 64, 64), (6, 4, 4, 4, 64, 64)]
    for number, shape in enumerate(shapes):
        torch.save(torch.zeros(shape, dtype=torch.uint8), tmp_path / f"{number}.pth")
    request = LoadRequest(root=disk)
    kept = replace(FACES3D, shape=shapes[0]).import_archive(tmp_path / "0.pth", request)
    files = visible(disk)
    with pytest.raises(InputError, match=f"^{disk}: {NO_SPACE}$"):
        replace(FACES3D, shape=shapes[1]).import_archive(tmp_path / "1.pth", request)
    assert visible(disk) == files
    assert load_dataset("faces3d", root=disk).fingerprint == kept.fingerprint


def test_last_bytes(disk: Path):
    """There is room for the images but not for what describes them."""
    free = shutil.disk_usage(disk).free
    rows = (free - 128) // 4096
    with draft(disk, "toys", (rows, 64, 64)) as unfinished:
        unfinished.array[:] = 1
        with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(512))
        with pytest.raises(InputError, match=NO_SPACE):
            unfinished.commit(version="1", image_shape=(1, 64, 64), provenance={})
    assert not list(disk.glob("*.json"))
    assert not list(disk.glob(".*.part"))


@pytest.mark.parametrize("length", [True, False])
def test_download(disk: Path, server, length: bool):
    content = b"PK\x03\x04" + np.random.default_rng(0).bytes(2 << 20)
    server.content, server.length = content, length
    file = PublishedFile("toys.zip", "zip")
    addresses = [f"{server.address}toys.zip"]
    message = "2097156 bytes are to come" if length else NO_SPACE
    with pytest.raises(InputError, match=message):
        fetch(file, disk / "downloads", addresses=addresses)
    assert not (disk / "downloads" / "toys.zip").exists()
    subprocess.run(
        [shutil.which("mount") or "mount", "-o", "remount,size=8m", str(disk)], check=True
    )
    assert fetch(file, disk / "downloads", addresses=addresses).read_bytes() == content
    asked = server.requests[-1][1]
    assert (asked is None) == length  # what had come before the disk was full was not lost
