"""Numbers that were measured of a run, read back."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.formats import from_json
from pyro_seatbelt.manifest import read_checked


def read_record[T: BaseModel](path: Path, record: type[T], *, remedy: str) -> T | None:
    """Reads a file of numbers.

    Args:
        path: The file.
        record: What it holds.
        remedy: What to do if it is damaged, for errors.

    Returns:
        The numbers, or None if there is no file.

    Raises:
        InputError: If it is damaged, or not the file that was written.
    """
    try:
        content = from_json(path, read_checked(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except InputError as error:
        raise InputError(f"{error}; {remedy}") from error
    try:
        return record.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: the file is damaged: {remedy}") from error
