import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pyro_seatbelt.drawn.chairs import draw_chair
from pyro_seatbelt.drawn.drawing import draw_all
from pyro_seatbelt.errors import InputError


def empty(path: Path, *shape: int) -> Path:
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape).flush()
    return path


def draw_threads(identity: int) -> np.ndarray:
    return np.full((2,), torch.get_num_threads(), np.uint8)


def test_bytes_do_not_depend_on_the_number_of_processes(tmp_path: Path):
    files = {workers: empty(tmp_path / f"{workers}.npy", 3, 2, 31, 64, 64) for workers in (1, 2)}
    for workers, file in files.items():
        calls: list[tuple[str, float, float]] = []
        draw_all(
            file,
            draw_chair,
            num_identities=3,
            num_views=62,
            workers=workers,
            progress=lambda *call, calls=calls: calls.append(call),
        )
        assert calls == [("images", count, 186) for count in (62, 124, 186)]
    assert files[1].read_bytes() == files[2].read_bytes()
    assert np.array_equal(np.load(files[2])[2], draw_chair(2))


@pytest.mark.slow
def test_several_processes_have_a_thread_each_and_one_has_all(tmp_path: Path):
    for workers, expected in ((1, 2), (2, 1)):
        file = empty(tmp_path / f"{workers}.npy", 3, 2)
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            draw_all(file, draw_threads, num_identities=3, num_views=2, workers=workers)
        finally:
            torch.set_num_threads(before)
        assert np.load(file).tolist() == [[expected] * 2] * 3


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_file_that_is_not_there_is_noticed(workers: int, tmp_path: Path):
    with pytest.raises(InputError, match=r"missing\.npy: cannot write: No such file"):
        draw_all(
            tmp_path / "missing.npy", draw_chair, num_identities=2, num_views=62, workers=workers
        )


@pytest.mark.slow
def test_a_script_without_a_guard_draws_once(tmp_path: Path):
    """Worker processes do not run the user's script again."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, pathlib\n"
        f"sys.path[:] = {sys.path!r}\n"
        "from pyro_seatbelt.drawn.chairs import draw_chair\n"
        "from pyro_seatbelt.drawn.drawing import draw_all\n"
        "print('once')\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "draw_all(file, draw_chair, num_identities=2, num_views=62, workers=2)\n"
    )
    file = empty(tmp_path / "a.npy", 2, 2, 31, 64, 64)
    command = [sys.executable, str(script), str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "once\n"
    assert np.array_equal(np.load(file)[1], draw_chair(1))
