import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pyro_seatbelt.data.cache import CachedImages, find_cached
from pyro_seatbelt.data.draft import draft
from pyro_seatbelt.data.verified import verified_path
from pyro_seatbelt.errors import InputError


def store(root: Path, value: int, *, version: str = "1") -> CachedImages:
    with draft(root, "toys", (5, 64, 64)) as unfinished:
        unfinished.array[:] = value
        return unfinished.commit(version=version, image_shape=(1, 64, 64), provenance={})


def store_half(root: Path) -> None:
    with draft(root, "toys", (5, 64, 64)) as unfinished:
        unfinished.array[:3] = 2
        raise KeyboardInterrupt


def content(root: Path) -> int:
    cached = find_cached(root, "toys", command="build")
    assert cached is not None
    assert cached.is_intact()
    return int(cached.pixels()[0, 0, 0, 0])


def names(root: Path) -> set[str]:
    return {file.name for file in root.iterdir()}


def of(cached: CachedImages) -> set[str]:
    return {cached.path.name, verified_path(cached.path).name}


def test_makes_the_folder(tmp_path: Path):
    cached = store(tmp_path / "new" / "folder", 1)
    assert names(cached.path.parent) == {"toys.json", *of(cached)}


def test_replaces_and_cleans_up(tmp_path: Path):
    store(tmp_path, 1)
    latest = store(tmp_path, 2)
    assert content(tmp_path) == 2
    assert names(tmp_path) == {"toys.json", *of(latest)}


def test_without_commit_nothing_stays(tmp_path: Path):
    with draft(tmp_path, "toys", (5, 64, 64)) as unfinished:
        assert unfinished.path.exists()
    assert names(tmp_path) == set()


def test_a_reader_keeps_what_it_opened(tmp_path: Path):
    opened = store(tmp_path, 1).pixels()
    store(tmp_path, 2)
    assert (opened == 1).all()


class TestFailureLeavesTheEarlierSet:
    def test_while_filling(self, tmp_path: Path):
        store(tmp_path, 1)
        before = names(tmp_path)
        with pytest.raises(KeyboardInterrupt):
            store_half(tmp_path)
        assert content(tmp_path) == 1
        assert names(tmp_path) == before

    @pytest.mark.parametrize("failing_call", [1, 2])
    def test_at_either_rename(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int
    ):
        store(tmp_path, 1)
        calls = []
        rename = Path.replace

        def fail(path: Path, target: Path) -> Path:
            calls.append(path)
            if len(calls) == failing_call:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return rename(path, target)

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(InputError, match=f"{tmp_path}: cannot write: Input/output error"):
            store(tmp_path, 2)
        monkeypatch.undo()
        assert content(tmp_path) == 1
        assert not any(name.endswith(".part") for name in names(tmp_path))
        store(tmp_path, 3)
        assert content(tmp_path) == 3

    def test_when_the_disk_does_not_take_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        store(tmp_path, 1)

        def fail(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(InputError, match="cannot write: No space left on device"):
            store(tmp_path, 2)
        monkeypatch.undo()
        assert content(tmp_path) == 1

    def test_when_there_is_no_room(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        store(tmp_path, 1)

        def fail(descriptor: int, offset: int, size: int) -> None:
            assert size > 5 * 64 * 64
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "posix_fallocate", fail, raising=False)
        with pytest.raises(InputError, match="cannot write: No space left on device"):
            store(tmp_path, 2)
        assert content(tmp_path) == 1
        assert len(names(tmp_path)) == 3

    def test_killed(self, tmp_path: Path):
        store(tmp_path, 1)
        script = (
            "import os, signal, sys, pathlib\n"
            "from pyro_seatbelt.data.draft import draft\n"
            "with draft(pathlib.Path(sys.argv[1]), 'toys', (5, 64, 64)) as unfinished:\n"
            "    unfinished.array[:] = 2\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        killed = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], env=environment, check=False
        )
        assert killed.returncode == -9
        assert content(tmp_path) == 1


def test_what_a_killed_process_left_is_swept_up_after_a_day(tmp_path: Path):
    old, recent = tmp_path / ".toys.1.part", tmp_path / ".toys.2.part"
    for left in (old, recent):
        left.touch()
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    cached = store(tmp_path, 1)
    assert names(tmp_path) == {recent.name, "toys.json", *of(cached)}


def test_two_at_once_do_not_disturb_each_other(tmp_path: Path):
    with draft(tmp_path, "toys", (5, 64, 64)) as first:
        first.array[:] = 1
        store(tmp_path, 2)
        assert content(tmp_path) == 2
        first.commit(version="1", image_shape=(1, 64, 64), provenance={})
    assert content(tmp_path) == 1


def test_two_of_the_same_content(tmp_path: Path):
    with draft(tmp_path, "toys", (5, 64, 64)) as first:
        first.array[:] = 1
        opened = store(tmp_path, 1).pixels()
        first.commit(version="1", image_shape=(1, 64, 64), provenance={})
    assert content(tmp_path) == 1
    assert (opened == 1).all()


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_folder_that_cannot_be_written(tmp_path: Path, where: str):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=f"{tmp_path / where}: cannot write: "):
        store(tmp_path / where, 1)


def test_writes_go_to_the_file(tmp_path: Path):
    with draft(tmp_path, "toys", (5, 64, 64)) as unfinished:
        np.lib.format.open_memmap(unfinished.path, mode="r+")[2] = 9
        assert (unfinished.array[2] == 9).all()


def test_what_a_dead_process_left_is_swept_up_at_once(tmp_path: Path):
    left = tmp_path / ".toys.1.part"
    left.write_bytes(b"half")
    with draft(tmp_path, "others", (5, 64, 64)) as alive:
        cached = store(tmp_path, 1)
        assert alive.path.exists()
        kept = {cached.path.name, verified_path(cached.path).name, "toys.json"}
        assert names(tmp_path) == {alive.path.name, *kept}


def test_a_signal_leaves_nothing(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), draft(tmp_path, "toys", (5, 64, 64)):
        signal.raise_signal(signal.SIGTERM)
    assert names(tmp_path) == set()
