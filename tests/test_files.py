import platform
import subprocess
import sys

import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.json"
    write_atomically(path, "one")
    write_atomically(path, b"two")
    assert path.read_text() == "two"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    here, name = f"{platform.node()}-", "a[1].json"
    gone = tmp_path / f".{name}.{here}{process.pid}.part"
    others = [
        tmp_path / f".{name}.{here}1.part",  # of a process that is there
        tmp_path / f".{name}.elsewhere-{process.pid}.part",  # of another machine
        tmp_path / f".b.json.{here}{process.pid}.part",
    ]
    for part in (gone, *others):
        part.write_text("half")
    write_atomically(tmp_path / name, "one")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / name, *others])


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_atomically(path, "one")

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(InputError, match=r"a\.json: cannot write: No space left on device"):
        write_atomically(path, "two")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/a\.json: cannot write: Not a directory"):
        write_atomically(tmp_path / "file" / "a.json", "one")
