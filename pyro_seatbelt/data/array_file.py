"""NumPy's array format, read without its pickles."""

import math
import tokenize
import warnings
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.errors import InputError

_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
BROKEN_ARRAY = (
    ValueError,
    KeyError,
    SyntaxError,
    TypeError,
    EOFError,
    MemoryError,
    OverflowError,
    RecursionError,
    tokenize.TokenError,
)
"""What NumPy raises on array files that are damaged or odd."""


class ArrayHeader(NamedTuple):
    """What the head of an array file says.

    Attributes:
        shape: Shape of the array.
        dtype: Type of its numbers; never Python objects.
        fortran_order: Whether the first index varies fastest.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran_order: bool

    @property
    def num_bytes(self) -> int:
        """How many bytes of numbers follow."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(stream: BinaryIO, *, label: str) -> ArrayHeader:
    """Read the head of an array file, up to the first number.

    Args:
        stream: The open file or member of an archive.
        label: What errors call it.

    Returns:
        What it says.

    Raises:
        InputError: If it is no array of numbers; pickled objects are none.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> np.save(file, np.zeros((2, 3), np.uint8))
        >>> _ = file.seek(0)
        >>> read_header(file, label="a.npy").shape
        (2, 3)
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # files by Python 2 are welcome
            read = _HEADER_READERS[np.lib.format.read_magic(stream)]
            shape, fortran_order, dtype = read(stream)
    except BROKEN_ARRAY as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{label}: expected a NumPy array ({reason})") from error
    if dtype.hasobject or dtype.fields is not None:
        raise InputError(f"{label}: expected an array of numbers, got {dtype} (never unpickled)")
    if any(size < 0 for size in shape):
        raise InputError(f"{label}: expected a NumPy array, got shape {shape}")
    return ArrayHeader(shape, dtype, fortran_order)


def read_rows(
    stream: BinaryIO, header: ArrayHeader, start: int, stop: int, *, label: str
) -> NDArray[Any]:
    """Read the next rows of an array file.

    Args:
        stream: The open file, where row `start` begins.
        header: Its head; not in Fortran's order.
        start: First row.
        stop: Row after the last; no further than the array has.
        label: What errors call it.

    Returns:
        The rows, shape `(min(stop, N) - start, ...)`.

    Raises:
        InputError: If the file ends before.
    """
    assert not header.fortran_order
    count = min(stop, header.shape[0]) - start
    row_shape = header.shape[1:]
    wanted = count * math.prod(row_shape) * header.dtype.itemsize
    content = bytearray()
    while len(content) < wanted:
        block = stream.read(wanted - len(content))
        if not block:
            raise InputError(f"{label}: expected {header.shape[0]} rows, the file ends before")
        content += block
    return np.frombuffer(content, header.dtype).reshape(count, *row_shape)
