"""JSON files that say of which format they are."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyro_seatbelt.documents import parse_json
from pyro_seatbelt.errors import InputError


class NewerFormat(InputError):  # noqa: N818 - it says what it is
    """A file is of a format that a newer version wrote: it is neither read nor replaced."""


def to_json(content: Mapping[str, Any], *, number: int = 1) -> str:
    r"""Returns the text of a file that says of which format it is.

    Args:
        content: An object of what JSON has words for.
        number: Which format it is.

    Example:
        >>> to_json({"step": 3})
        '{\n  "format": 1,\n  "step": 3\n}\n'
    """
    return json.dumps({"format": number, **content}, indent=2) + "\n"


def without_nan(value: Any) -> Any:
    """Puts None, which JSON has a word for, where a number is undefined or infinite.

    Args:
        value: A number, or named tuples, mappings and anything else that has some in it.

    Returns:
        The same; named tuples and mappings become dicts.

    Example:
        >>> without_nan({"mean": float("nan"), "num": 3})
        {'mean': None, 'num': 3}
    """
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {name: without_nan(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_json(path: Path, content: bytes, *, newest: int = 1) -> dict[str, Any]:
    """Reads the text of a file that :func:`to_json` made.

    Args:
        path: The file, for errors.
        content: Its bytes.
        newest: The newest format that can be read; files of before there were any say none.

    Returns:
        The object without its format.

    Raises:
        InputError: If it is no object; a :class:`NewerFormat` if it is of a newer format.

    Example:
        >>> from_json(Path("run.json"), b'{"format": 2}')
        Traceback (most recent call last):
            ...
        pyro_seatbelt.formats.NewerFormat: run.json: it has format 2, and this version reads \
formats up to 1: install a newer pyro-seatbelt
    """
    try:
        found = parse_json(content)
    except ValueError as error:
        raise InputError(f"{path}: the file is damaged: it is no JSON") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: the file is damaged: it is no JSON object")
    return without_format(path, found, newest=newest)


def without_format(path: Path, content: Mapping[str, Any], *, newest: int = 1) -> dict[str, Any]:
    """Checks the format of what a file says, and takes it out.

    Args:
        path: The file, for errors.
        content: What it says.
        newest: The newest format that can be read.

    Raises:
        NewerFormat: If it is of a newer format.

    Example:
        >>> without_format(Path("config.json"), {"format": 1, "model": "vae"})
        {'model': 'vae'}
    """
    rest = dict(content)
    found = rest.pop("format", 0)
    if type(found) is not int or found < 0:
        raise InputError(f"{path}: expected a number as its format, got {found!r}")
    if found > newest:
        raise NewerFormat(
            f"{path}: it has format {found}, and this version reads formats up to {newest}: "
            "install a newer pyro-seatbelt"
        )
    return rest
