import errno
import threading
from pathlib import Path

import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.locks import lock, locked, turn


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_one_has_it_or_several_share_it(kind: str, tmp_path: Path):
    path = tmp_path / kind
    path.mkdir() if kind == "folder" else path.touch()
    with lock(path) as mine:
        for shared in (False, True):
            with lock(path, shared=shared) as another:
                assert (mine, another) == (True, False)
    with lock(path, shared=True) as mine, lock(path, shared=True) as another:
        assert (mine, another) == (True, True)
        with lock(path) as alone:
            assert not alone
    with lock(path) as again:
        assert again
    assert list(tmp_path.iterdir()) == [path]
    assert path.is_file() or not list(path.iterdir())


def test_somebody_who_has_it_is_named(tmp_path: Path):
    with (
        lock(tmp_path),
        pytest.raises(InputError, match=f"{tmp_path.name}: another process is at it"),
        locked(tmp_path, "another process is at it"),
    ):
        pass


def test_somebody_who_only_looks_is_waited_for(tmp_path: Path):
    looks, done = threading.Event(), threading.Event()

    def look():
        with lock(tmp_path, shared=True):
            looks.set()
            done.wait(0.2)

    thread = threading.Thread(target=look)
    thread.start()
    assert looks.wait(10)
    with locked(tmp_path, "never"):
        pass
    thread.join()


def test_a_turn_comes(tmp_path: Path):
    entered, waits = threading.Event(), []

    def other():
        with turn(tmp_path, waiting=lambda: waits.append(1)):
            entered.set()

    with turn(tmp_path, waiting=lambda: pytest.fail("nobody had it")):
        thread = threading.Thread(target=other)
        thread.start()
        assert not entered.wait(0.3)
    assert entered.wait(10)
    thread.join()
    assert waits == [1]


def test_where_the_disk_knows_no_locks_a_warning_says_so(tmp_path, monkeypatch, caplog):
    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", fail)
    with lock(tmp_path) as mine:
        assert mine
    assert caplog.messages == [f"{tmp_path}: cannot be locked: No locks available"]
