import io
import sys
from pathlib import Path

import numpy as np
import pytest

from pyro_seatbelt.drawn.worker import main

CHAIRS = ("pyro_seatbelt.drawn.chairs", "draw_chair")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.npy"
    shape = (3, 2, 31, 64, 64)
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape).flush()
    return path


def test_reports_every_identity(file: Path, capsys: pytest.CaptureFixture):
    assert main([*CHAIRS, str(file), "0", "2"]) == 0
    assert capsys.readouterr().out == "0\n2\n"
    assert np.load(file).any((1, 2, 3, 4)).tolist() == [True, False, True]


def test_stops_when_nobody_listens(file: Path, monkeypatch: pytest.MonkeyPatch):
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    assert main([*CHAIRS, str(file), "0", "1"]) == 1
    assert np.load(file).any((1, 2, 3, 4)).tolist() == [True, False, False]
