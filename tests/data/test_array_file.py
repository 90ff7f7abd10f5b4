import io

import numpy as np
import pytest

from pyro_seatbelt.data.array_file import read_header, read_rows
from pyro_seatbelt.errors import InputError


def saved(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> io.BytesIO:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    file.seek(0)
    return file


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_rows_are_those_of_numpy(version: tuple[int, int]):
    array = np.arange(60, dtype=np.int64).reshape(10, 3, 2)
    file = saved(array, version)
    header = read_header(file, label="a")
    assert header == ((10, 3, 2), np.int64, False)
    assert header.num_bytes == array.nbytes
    parts = [read_rows(file, header, start, start + 4, label="a") for start in (0, 4, 8)]
    assert np.array_equal(np.concatenate(parts), array)


def test_file_by_python_2():
    """Such heads have an L behind long numbers."""
    content = saved(np.zeros((3, 2), np.uint8)).getvalue().replace(b"(3, 2), ", b"(3L, 2L)")
    assert read_header(io.BytesIO(content), label="a").shape == (3, 2)


def test_file_that_ends_before():
    file = saved(np.zeros((10, 3), np.uint8))
    header = read_header(file, label="a")
    file.truncate(file.tell() + 29)
    with pytest.raises(InputError, match="a: expected 10 rows, the file ends before"):
        read_rows(file, header, 0, 10, label="a")


class Code:
    def __reduce__(self):
        return exec, ("raise SystemExit('code ran')",)


def test_pickles_are_not_opened():
    file = io.BytesIO()
    np.save(file, np.array([Code()], dtype=object), allow_pickle=True)
    file.seek(0)
    with pytest.raises(InputError, match=r"an array of numbers, got object \(never unpickled\)"):
        read_header(file, label="a")


HEAD = b"\x93NUMPY\x01\x00"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        HEAD,
        HEAD + b"\x05\x00hello",
        HEAD + b"\xff\xff" + b"(" * 0xFFFF,
        b"\x93NUMPY\x09\x00" + bytes(100),
        HEAD + b"\x3e\x00{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 3), }   \n",
        HEAD + b"\x3e\x00{'descr': '|u1', 'fortran_order': False, 'shape': 'cats', }    \n",
    ],
)
def test_what_is_no_array(content: bytes):
    with pytest.raises(InputError, match=r"a\.npy: expected a NumPy array") as caught:
        read_header(io.BytesIO(content), label="a.npy")
    assert "\n" not in str(caught.value)


def test_records_are_not_numbers():
    with pytest.raises(InputError, match="expected an array of numbers"):
        read_header(saved(np.zeros(3, dtype=[("a", "u1")])), label="a")
