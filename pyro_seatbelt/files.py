"""Files that are either whole or not there."""

import glob
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyro_seatbelt.errors import InputError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """While open, an error of the operating system means that `path` cannot be written.

    Args:
        path: What is being written.

    Raises:
        InputError: Instead of an :class:`OSError`: read-only, no space left, no such folder.

    Example:
        >>> with writing(Path("/dev/null/run")):
        ...     Path("/dev/null/run").mkdir()
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: /dev/null/run: cannot write: Not a directory
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot write: {error.strerror or error}") from error


def expanded(path: Path) -> Path:
    """Puts the home folder in the place of `~`.

    Args:
        path: As a user gave it.

    Raises:
        InputError: If there is no such user.

    Example:
        >>> expanded(Path("~nosuchuser/runs"))
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: ~nosuchuser/runs: no home folder is known of this user
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InputError(f"{path}: no home folder is known of this user") from error


def resolved(path: Path) -> Path:
    """Follows all links in a path.

    Args:
        path: As a user gave it.

    Raises:
        InputError: If one of them leads to itself.
    """
    try:
        return path.resolve()
    except RuntimeError as error:
        raise InputError(f"{path}: the link leads to itself") from error


def refuse_links(folder: Path) -> None:
    """Refuses a folder with a symbolic link in it that leads out of it.

    Somebody else may have made the folder: what is read there could be any file of the reader's,
    and what is written would land anywhere.

    Args:
        folder: The folder, which may be reached by a link itself.

    Raises:
        InputError: If there is such a link.
    """
    home = resolved(folder)
    for parent, folders, files in folder.walk():
        for path in (parent / name for name in (*folders, *files)):
            if path.is_symlink() and not leads_into(path, home):
                raise InputError(
                    f"{path}: a link that leads out of {folder} is not followed: put what it "
                    "leads to in its place"
                )


def leads_into(path: Path, home: Path) -> bool:
    """Tells whether a path lies in a folder when all links in it are followed.

    Args:
        path: The path; a link that leads to itself leads nowhere.
        home: The folder, without links.
    """
    try:
        return resolved(path).is_relative_to(home)
    except InputError:
        return False


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes a file under a temporary name and renames it, so that it is never half there.

    Args:
        path: Where the content goes; what was there before is replaced.
        content: Bytes, or text to be encoded as UTF-8.

    Raises:
        InputError: If it cannot be written; what was there before is untouched.
    """
    with writing(path):
        replace(path, content)


def replace(path: Path, content: bytes | str) -> None:
    """Does what :func:`write_atomically` does, for callers with an error of their own.

    What a killed process of this machine was writing under that name is removed.

    Args:
        path: Where the content goes; what was there before is replaced.
        content: Bytes, or text to be encoded as UTF-8.

    Raises:
        OSError: If it cannot be written; what was there before is untouched.
    """
    mine = f".{path.name}.{platform.node()}-"
    part = path.with_name(f"{mine}{os.getpid()}.part")
    try:
        for left in path.parent.glob(f"{glob.escape(mine)}*.part"):
            if not _is_alive(left.name.removeprefix(mine).removesuffix(".part")):
                left.unlink(missing_ok=True)
        write_durably(part, content)
        part.replace(path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _is_alive(pid: str) -> bool:
    """Whether a process of this machine is there; True also where that cannot be known."""
    if os.name == "nt" or not pid.isdecimal():  # pragma: no cover - kill would kill it there
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's; none that there can be
        pass
    return True


def make_folder(path: Path) -> None:
    """Makes a folder and those that it lies in, and waits until the disk has their names.

    Args:
        path: The folder; it may be there.

    Raises:
        OSError: If it cannot be made.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "runs" / "first"
        >>> make_folder(place)
        >>> place.is_dir()
        True
    """
    absent = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for each in absent:
        sync(each.parent)


def remove_folder(path: Path) -> None:
    """Removes a folder so that it is whole or not there, whenever the process is killed.

    Args:
        path: The folder; what is left after a kill is beside it, under the name of a part.

    Raises:
        OSError: If it cannot be removed.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.old.part")
    path.rename(aside)
    sync(path.parent)
    shutil.rmtree(aside)


def remove_parts(folder: Path) -> None:
    """Removes what killed processes were writing in a folder.

    Args:
        folder: The folder, which no other process writes to.

    Raises:
        OSError: If something cannot be removed.
    """
    for part in folder.glob(".*.part"):
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink()


def write_durably(path: Path, content: bytes | str) -> None:
    """Writes a file and waits until the disk has it.

    Args:
        path: Where the content goes.
        content: Bytes, or text to be encoded as UTF-8.

    Raises:
        OSError: If it cannot be written.
    """
    with path.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Waits until the disk has a file, or the names in a folder.

    Args:
        path: The file or folder; nothing is done where folders cannot be opened (Windows).

    Raises:
        OSError: If the disk fails.
    """
    if os.name == "nt":  # pragma: no cover
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
