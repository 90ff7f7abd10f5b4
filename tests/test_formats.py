from pathlib import Path

import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.formats import from_json, to_json

FILE = Path("numbers.json")


def test_what_is_written_is_read():
    assert from_json(FILE, to_json({"step": 3}).encode()) == {"step": 3}
    assert from_json(FILE, to_json({"step": 3}, number=2).encode(), newest=2) == {"step": 3}


def test_files_of_before_there_were_formats_are_read():
    assert from_json(FILE, b'{"step": 3}') == {"step": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"format": 2}', "it has format 2, and this version reads formats up to 1: install"),
        (b'{"format": -1}', "expected a number as its format, got -1"),
        (b'{"format": true}', "expected a number as its format, got True"),
        (b'{"format": "1"}', "expected a number as its format, got '1'"),
        (b"[]", "the file is damaged: it is no JSON object"),
        (b"{", "the file is damaged: it is no JSON"),
        (b"\xff", "the file is damaged: it is no JSON"),
        (b"[" * 100_000, "the file is damaged: it is no JSON"),
    ],
)
def test_others_are_refused_by_name(content, message):
    with pytest.raises(InputError, match=rf"numbers\.json: {message}"):
        from_json(FILE, content)
