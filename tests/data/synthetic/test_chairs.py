import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from pyro_seatbelt.data.synthetic import chairs
from pyro_seatbelt.data.synthetic.chair_style import ARMS, BACKS, BASES, SEATS, chair_style
from pyro_seatbelt.data.synthetic.chairs import (
    AZIMUTHS,
    chair_factors,
    draw_all_chairs,
    draw_chair,
    draw_chairs_into,
)

GOLDEN = {
    0: (238.328, [255.0, 255.0, 226.9, 186.6, 159.4, 250.1, 255.0, 255.0]),
    4: (184.15, [255.0, 255.0, 181.8, 43.7, 47.2, 34.9, 255.0, 255.0]),
    700: (233.114, [255.0, 255.0, 202.6, 226.8, 190.1, 205.3, 255.0, 255.0]),
}


def empty(path: Path, num_identities: int) -> Path:
    shape = (num_identities, 2, 31, 64, 64)
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape).flush()
    return path


class TestPictures:
    def test_do_not_change(self):
        """Means of whole chairs and of blocks of 8x8 pixels; processors differ in last digits."""
        for identity, (mean, blocks) in GOLDEN.items():
            images = draw_chair(identity).astype(float)
            assert images.mean() == pytest.approx(mean, abs=0.05)
            coarse = images[1, 3].reshape(8, 8, 8, 8).mean((1, 3))
            assert np.diagonal(coarse).tolist() == pytest.approx(blocks, abs=1.0)

    def test_are_on_white_and_fill_the_picture(self):
        for identity in range(12):
            images = draw_chair(identity)
            assert (images[..., [0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
            drawn = (images < 250).mean((2, 3))
            assert ((drawn > 0.03) & (drawn < 0.7)).all()

    def test_views_differ(self):
        images = draw_chair(1).reshape(62, -1)
        assert len(np.unique(images, axis=0)) == 62

    def test_chosen_views_are_those_of_all(self):
        assert np.array_equal(draw_chair(2, azimuths=AZIMUTHS[4:6]), draw_chair(2)[:, 4:6])

    def test_a_higher_camera_sees_more_of_the_seat(self):
        areas = [(draw_chair(identity) < 250).mean((1, 2, 3)) for identity in range(10)]
        low, high = np.mean(areas, 0)
        assert high > low


class TestFactors:
    def test_count_through_the_views(self):
        factors = chair_factors(3)
        assert tuple(factors) == chairs.FACTORS
        numbers = np.arange(3 * 62)
        assert np.array_equal(factors["identity"], numbers // 62)
        assert np.array_equal(factors["elevation"], numbers // 31 % 2)
        assert np.array_equal(factors["azimuth"], numbers % 31)

    def test_name_the_style(self):
        factors = chair_factors(20)
        for number in (0, 400, 1239):
            style = chair_style(number // 62)
            assert BASES[factors["base"][number]] == style.base
            assert BACKS[factors["back"][number]] == style.back
            assert ARMS[factors["arms"][number]] == style.arms
            assert SEATS[factors["seat"][number]] == style.seat


class TestDrawingAll:
    def test_bytes_do_not_depend_on_the_number_of_processes(self, tmp_path: Path):
        files = {workers: empty(tmp_path / f"{workers}.npy", 3) for workers in (1, 2)}
        for workers, file in files.items():
            calls: list[tuple[int, int]] = []
            draw_all_chairs(
                file,
                num_identities=3,
                workers=workers,
                progress=lambda *call, calls=calls: calls.append(call),
            )
            assert calls == [(62, 186), (124, 186), (186, 186)]
        assert files[1].read_bytes() == files[2].read_bytes()
        assert np.array_equal(np.load(files[2])[2], draw_chair(2))

    def test_a_process_that_fails_is_noticed(self, tmp_path: Path, capfd: pytest.CaptureFixture):
        with pytest.raises(RuntimeError, match="a process that draws chairs ended with 1"):
            draw_all_chairs(tmp_path / "missing.npy", num_identities=2, workers=2)
        assert "missing.npy" in capfd.readouterr().err

    def test_processes_end_with_their_parent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        started = []
        popen = chairs.subprocess.Popen

        def start(*arguments, **options):
            started.append(popen(*arguments, **options))
            return started[-1]

        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(chairs.subprocess, "Popen", start)
        with pytest.raises(KeyboardInterrupt):
            draw_all_chairs(
                empty(tmp_path / "a.npy", 200), num_identities=200, workers=2, progress=stop
            )
        assert [process.poll() for process in started] == [-9, -9]

    @pytest.mark.parametrize(
        ("num_identities", "expected"), [(3, 1), (199, 1), (200, 2), (1393, 4)]
    )
    def test_few_chairs_are_not_worth_a_process(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_identities: int, expected: int
    ):
        used = []
        monkeypatch.setattr(chairs, "num_workers", lambda: 4)

        def draw(file: Path, count: int = 1) -> Generator[int]:
            used.append(count)
            yield from ()

        monkeypatch.setattr(chairs, "draw_chairs_into", draw)
        monkeypatch.setattr(chairs, "_draw_in_processes", draw)
        draw_all_chairs(tmp_path / "none", num_identities=num_identities)
        assert used == [expected]

    @pytest.mark.slow
    def test_a_script_without_a_guard_draws_once(self, tmp_path: Path):
        """Worker processes do not run the user's script again."""
        script = tmp_path / "script.py"
        script.write_text(
            "import sys, pathlib\n"
            f"sys.path[:] = {sys.path!r}\n"
            "from pyro_seatbelt.data.synthetic.chairs import draw_all_chairs\n"
            "print('once')\n"
            "draw_all_chairs(pathlib.Path(sys.argv[1]), num_identities=2, workers=2)\n"
        )
        file = empty(tmp_path / "a.npy", 2)
        command = [sys.executable, str(script), str(file)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        assert ran.stdout == "once\n"
        assert np.array_equal(np.load(file)[1], draw_chair(1))


def test_every_second_chair(tmp_path: Path):
    file = empty(tmp_path / "a.npy", 4)
    assert list(draw_chairs_into(file, first=1, step=2)) == [1, 3]
    drawn = np.load(file).any((1, 2, 3, 4))
    assert drawn.tolist() == [False, True, False, True]
