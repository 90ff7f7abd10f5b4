"""What a folder holds, with a hash of every file, so that damage is seen where it is read."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pyro_seatbelt.documents import read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.formats import from_json, to_json

NAME = "manifest.json"


def sha256(content: bytes) -> str:
    """Hashes the content of a file.

    Args:
        content: Its bytes.

    Returns:
        64 hexadecimal digits.
    """
    return hashlib.sha256(content).hexdigest()


def write_manifest(
    folder: Path, files: Iterable[Path] = (), *, known: Mapping[str, str] | None = None
) -> None:
    """Writes down what a folder holds; this comes last.

    Args:
        folder: The folder.
        files: Files in it, which are read and hashed.
        known: Hashes of more files by name, of those that were hashed as they were written.

    Raises:
        InputError: If a file cannot be read, or the manifest cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "numbers").write_text("1 2 3")
        >>> write_manifest(folder, [folder / "numbers"])
        >>> _ = (folder / "numbers").write_text("1 2 4")
        >>> check_manifest(folder)
        {'numbers': 'its SHA-256 is not the one in manifest.json'}
    """
    with writing(folder / NAME):
        found = {path.relative_to(folder).as_posix(): sha256(read_bytes(path)) for path in files}
    write_atomically(folder / NAME, to_json({"sha256": {**(known or {}), **found}}))


def extend_manifest(folder: Path, files: Iterable[Path]) -> None:
    """Adds files to the manifest of a folder, unless it has none: an older folder stays without.

    Args:
        folder: The folder.
        files: Files in it that were written since, which are read and hashed.

    Raises:
        InputError: If a file cannot be read, or the manifest is damaged or cannot be written.
    """
    known = read_manifest(folder)
    if known is not None:
        write_manifest(folder, files, known=known)


def remove_manifest(folder: Path) -> None:
    """Removes the manifest of a folder whose files are about to change.

    Args:
        folder: The folder.

    Raises:
        InputError: If it cannot be removed.
    """
    with writing(folder / NAME):
        (folder / NAME).unlink(missing_ok=True)


def read_manifest(folder: Path) -> dict[str, str] | None:
    """Reads what a folder holds.

    Args:
        folder: The folder.

    Returns:
        SHA-256 by the name of a file; None if there is no manifest: the folder was made by an
        earlier version, or it is being written.

    Raises:
        InputError: If the manifest is damaged or of a newer format.
    """
    path = folder / NAME
    try:
        sums = from_json(path, read_bytes(path)).get("sha256")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if not isinstance(sums, dict):
        raise InputError(f"{path}: the file is damaged: it has no hashes")
    return sums


def read_checked(path: Path, folder: Path | None = None) -> bytes:
    """Reads a file, and sees that it is the one that was written.

    Args:
        path: The file.
        folder: Whose manifest may list it, by default the one that it lies in.

    Returns:
        Its content. A file that no manifest lists is only read.

    Raises:
        OSError: If it cannot be read.
        InputError: If it is not the file that the manifest lists, or that is damaged.
    """
    folder = folder or path.parent
    sums = read_manifest(folder)
    while True:
        content = read_bytes(path)
        expected = (sums or {}).get(path.relative_to(folder).as_posix())
        if expected in {None, sha256(content)}:
            return content
        before, sums = sums, read_manifest(folder)
        if sums == before:  # or else another process has just written both anew
            raise InputError(
                f"{path}: the file is damaged: its SHA-256 is not the one in {NAME} (without "
                f"{folder / NAME} it is read unchecked)"
            )


def is_intact(path: Path, folder: Path | None = None) -> bool:
    """Tells whether a file is there, and is the one that was written, as far as that is known.

    One that the manifest does not list was being written when a process was killed.

    Args:
        path: The file.
        folder: Whose manifest lists it, by default the one that it lies in; without a manifest,
            which earlier versions did not write, any file is intact.
    """
    folder = folder or path.parent
    try:
        read_checked(path, folder)
        sums = read_manifest(folder)
    except (OSError, InputError):
        return False
    return sums is None or path.relative_to(folder).as_posix() in sums


def check_manifest(folder: Path) -> dict[str, str] | None:
    """Compares every file of a folder with its manifest.

    Args:
        folder: The folder.

    Returns:
        What is wrong with a file by its name; None if there is no manifest.

    Raises:
        InputError: If the manifest is damaged or of a newer format.
    """
    sums = read_manifest(folder)
    if sums is None:
        return None
    problems = {}
    for name, expected in sums.items():
        try:
            content = read_bytes(folder / name)
        except OSError as error:
            problems[name] = f"it cannot be read: {error.strerror}"
        else:
            if sha256(content) != expected:
                problems[name] = f"its SHA-256 is not the one in {NAME}"
    return problems
