import os
import shutil

import pytest

from pyro_seatbelt.data import load_dataset
from pyro_seatbelt.data.cache import CachedImages
from pyro_seatbelt.data.verified import verified_path
from pyro_seatbelt.errors import InputError


@pytest.fixture
def root(chairs, tmp_path):
    return shutil.copytree(chairs, tmp_path / "data")


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))


def test_a_changed_pixel_is_refused(root):
    [array] = root.glob("*.npy")
    flip(array)
    message = r"bytes do not have the recorded fingerprint\): make it again with .* --ids 2"
    for _ in range(2):
        with pytest.raises(InputError, match=message):
            load_dataset("synth-chairs", root=root, ids=2)


def test_files_are_compared_once_per_version(root, monkeypatch):
    def compared(self):
        calls.append(self.path)
        return True

    calls = []
    monkeypatch.setattr(CachedImages, "is_intact", compared)
    load_dataset("synth-chairs", root=root, ids=2)
    copied = len(calls)  # a copy may have another time
    load_dataset("synth-chairs", root=root, ids=2)
    assert len(calls) == copied
    [array] = root.glob("*.npy")
    os.utime(array, ns=(1, 1))
    for _ in range(2):
        load_dataset("synth-chairs", root=root, ids=2)
    assert len(calls) == copied + 1
    verified_path(array).write_text("{")
    load_dataset("synth-chairs", root=root, ids=2)
    assert len(calls) == copied + 2


def test_a_pipe_in_the_place_of_the_note_is_no_note(root):
    [array] = root.glob("*.npy")
    verified_path(array).unlink(missing_ok=True)
    os.mkfifo(verified_path(array))
    assert len(load_dataset("synth-chairs", root=root, ids=2).identities)
    assert verified_path(array).is_file()


def test_what_is_stored_is_not_compared_again(tmp_path, monkeypatch):
    load_dataset("synth-chairs", root=tmp_path, ids=1)
    monkeypatch.setattr(CachedImages, "is_intact", lambda self: False)
    load_dataset("synth-chairs", root=tmp_path, ids=1)


def test_a_cache_that_cannot_be_written_is_compared_all_the_same(root, monkeypatch):
    def full(path, content):
        raise OSError("read-only")

    [mark] = root.glob(".*.verified")
    mark.unlink()
    monkeypatch.setattr("pyro_seatbelt.data.verified.replace", full)
    assert len(load_dataset("synth-chairs", root=root, ids=2).images)
    assert not mark.exists()
