"""Tables on disk, whose bytes are compared with the manifest of their folder."""

import io
from pathlib import Path

import pandas as pd

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.manifest import read_checked

_BROKEN = (
    OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError,
    MemoryError, NotImplementedError, RecursionError,
)  # fmt: skip
"""What pyarrow, and pandas with its own notes in the file, raise on damaged tables."""


def to_parquet(table: pd.DataFrame) -> bytes:
    """Returns a table as a file has it.

    Args:
        table: The table; its index is left out.
    """
    content: bytes = table.to_parquet(engine="pyarrow", index=False)
    return content


def read_parquet(path: Path, *, remedy: str) -> pd.DataFrame:
    """Reads a table that :func:`to_parquet` made.

    Args:
        path: The file.
        remedy: What to do without it, for the error.

    Raises:
        InputError: If it is absent or damaged.
    """
    try:
        return pd.read_parquet(io.BytesIO(read_checked(path)), engine="pyarrow")
    except _BROKEN as error:
        raise InputError(f"{path}: the file is absent or damaged: {remedy}") from error
