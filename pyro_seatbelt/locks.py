"""Folders and files that one process at a time may have."""

# `flock` itself, and not the package filelock: what is locked is the folder of a run, and nothing
# may be left in it; a command that only looks must not keep others from it, which needs a lock that
# several can hold. Where there are no locks (Windows, some network disks) nothing is kept away.

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pyro_seatbelt.errors import InputError

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

_SECONDS = 0.1
"""Between two tries."""


@contextmanager
def lock(path: Path, *, shared: bool = False) -> Iterator[bool]:
    """Tries to lock a folder or a file while open; a killed process lets go of it.

    Args:
        path: The folder or file, which is there.
        shared: Whether others may hold it as well, shared.

    Yields:
        Whether it could be locked; True on file systems that have no locks.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, lock(Path(folder)) as mine:
        ...     with lock(Path(folder)) as another:
        ...         (mine, another)
        (True, False)
    """
    if sys.platform == "win32":  # pragma: no cover - it has no such locks
        yield True
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        mine = True
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            mine = False
        except OSError as error:  # a file system without locks
            logger.warning("%s: cannot be locked: %s", path, error.strerror)
        yield mine
    finally:
        os.close(descriptor)


def is_abandoned(path: Path) -> bool:
    """Tells whether no process has a file locked any more that its writer keeps locked.

    Args:
        path: The file.

    Returns:
        False also where that cannot be known: there are no locks, or the file is gone.
    """
    if sys.platform == "win32":  # pragma: no cover - it has no such locks
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, busy: str, *, shared: bool = False) -> Iterator[None]:
    """Keeps other processes from a folder or file while open.

    Args:
        path: The folder or file, which is there.
        busy: What the error says when another process has it.
        shared: Whether others may hold it as well, shared.

    Raises:
        InputError: If another process has it.
    """
    # a process that only looks whether it is locked holds the lock for an instant
    deadline = time.monotonic() + 5 * _SECONDS
    while True:
        with lock(path, shared=shared) as mine:
            if mine:
                yield
                return
        if time.monotonic() >= deadline:
            raise InputError(f"{path}: {busy}")
        time.sleep(_SECONDS / 2)


@contextmanager
def turn(path: Path, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Waits until no other process has a folder or file, and keeps others from it while open.

    Args:
        path: The folder or file, which is there.
        waiting: Is called once if another process has it.
    """
    with lock(path) as mine:
        if mine:
            yield
            return
    waiting()
    while True:
        with lock(path) as mine:
            if mine:
                yield
                return
        time.sleep(_SECONDS)
