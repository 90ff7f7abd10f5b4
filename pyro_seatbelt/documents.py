"""Files that somebody else may have written, read with suspicion: JSON and TOML."""

import errno
import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any


def read_bytes(path: Path) -> bytes:
    """Reads a regular file; from a pipe or a device one would wait for ever.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be read, or is no regular file.

    Example:
        >>> read_bytes(Path("/dev/null"))
        Traceback (most recent call last):
            ...
        OSError: [Errno 22] not a regular file: '/dev/null'
    """
    check_regular(path)
    return path.read_bytes()


def read_text(path: Path) -> str:
    """Reads a regular file of UTF-8.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be read, or is no regular file.
        UnicodeDecodeError: If it is no UTF-8.
    """
    return read_bytes(path).decode("utf-8")


def check_regular(path: Path) -> None:
    """Sees that a path is a file, or leads to one.

    Args:
        path: The path.

    Raises:
        OSError: If it is absent, a pipe, a device or a socket; folders are left to who opens them.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))


def parse_json(text: str | bytes) -> Any:
    """Parses JSON; what is nested too deep is as wrong as any other text.

    Args:
        text: The text, or UTF-8.

    Raises:
        ValueError: If it is no JSON.

    Example:
        >>> parse_json('{"step": 3}')
        {'step': 3}
        >>> parse_json("[" * 100_000)
        Traceback (most recent call last):
            ...
        ValueError: it is nested too deep
    """
    return _parse(json.loads, text)


def parse_toml(text: str) -> dict[str, Any]:
    """Parses TOML; what is nested too deep is as wrong as any other text.

    Args:
        text: The text.

    Raises:
        ValueError: If it is no TOML.

    Example:
        >>> parse_toml("step = 3")
        {'step': 3}
    """
    found: dict[str, Any] = _parse(tomllib.loads, text)
    return found


def _parse(parse: Any, text: str | bytes) -> Any:
    try:
        return parse(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
