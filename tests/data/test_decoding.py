import threading
from collections.abc import Iterator

import numpy as np
import pytest

from pyro_seatbelt.data import decoding
from pyro_seatbelt.data.decoding import decode_all


def as_array(number: int) -> np.ndarray:
    return np.full((1, 1), number, np.uint8)


def test_keeps_the_order():
    decoded = list(decode_all(range(100), as_array))
    assert [item for item, _ in decoded] == list(range(100))
    assert all(pixels[0, 0] == item for item, pixels in decoded)


def test_draws_no_more_than_it_needs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decoding, "num_workers", lambda: 2)
    drawn = []

    def items() -> Iterator[int]:
        for number in range(100):
            drawn.append(number)
            yield number

    decoded = decode_all(items(), as_array)
    next(decoded)
    assert len(drawn) == 8
    decoded.close()
    assert len(drawn) == 8


def test_decodes_in_other_threads():
    threads = set()

    def note(number: int) -> np.ndarray:
        threads.add(threading.current_thread())
        return as_array(number)

    list(decode_all(range(10), note))
    assert threading.main_thread() not in threads


def test_errors_pass_through():
    def fail(number: int) -> np.ndarray:
        raise ValueError("no picture")

    with pytest.raises(ValueError, match="no picture"):
        list(decode_all(range(3), fail))
