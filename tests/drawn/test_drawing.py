import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pyro_seatbelt.drawn import drawing
from pyro_seatbelt.drawn.chairs import draw_chair
from pyro_seatbelt.drawn.drawing import draw_all, draw_into


def empty(path: Path, num_identities: int) -> Path:
    shape = (num_identities, 2, 31, 64, 64)
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape).flush()
    return path


def test_every_second_one(tmp_path: Path):
    file = empty(tmp_path / "a.npy", 4)
    draw = lambda identity: np.full((2, 31, 64, 64), identity, np.uint8)  # noqa: E731
    assert list(draw_into(file, draw, first=1, step=2)) == [1, 3]
    assert np.load(file)[:, 0, 0, 0, 0].tolist() == [0, 1, 0, 3]


def test_bytes_do_not_depend_on_the_number_of_processes(tmp_path: Path):
    files = {workers: empty(tmp_path / f"{workers}.npy", 3) for workers in (1, 2)}
    for workers, file in files.items():
        calls: list[tuple[int, int]] = []
        draw_all(
            file,
            draw_chair,
            num_identities=3,
            num_views=62,
            workers=workers,
            progress=lambda *call, calls=calls: calls.append(call),
        )
        assert calls == [(62, 186), (124, 186), (186, 186)]
    assert files[1].read_bytes() == files[2].read_bytes()
    assert np.array_equal(np.load(files[2])[2], draw_chair(2))


def test_a_process_that_fails_is_noticed(tmp_path: Path, capfd: pytest.CaptureFixture):
    missing = tmp_path / "missing.npy"
    with pytest.raises(RuntimeError, match="a process that draws ended with 1"):
        draw_all(missing, draw_chair, num_identities=2, num_views=62, workers=2)
    assert "missing.npy" in capfd.readouterr().err


def test_processes_end_with_their_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    started = []
    popen = drawing.subprocess.Popen

    def start(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    file = empty(tmp_path / "a.npy", 200)
    monkeypatch.setattr(drawing.subprocess, "Popen", start)
    with pytest.raises(KeyboardInterrupt):
        draw_all(file, draw_chair, num_identities=200, num_views=62, workers=2, progress=stop)
    assert [process.poll() for process in started] == [-9, -9]


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
    file = empty(tmp_path / "a.npy", 2)
    command = [sys.executable, str(script), str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "once\n"
    assert np.array_equal(np.load(file)[1], draw_chair(1))
