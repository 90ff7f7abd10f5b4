import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pyro_seatbelt.cli.progress import ProgressBar
from pyro_seatbelt.cli.sweep import OptionalRay
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import Inline
from pyro_seatbelt.sweeps import placement
from pyro_seatbelt.sweeps.job_run import run_job


@pytest.fixture
def inline(monkeypatch):
    """Jobs run in this process, and those of the seed 1 fail until that is empty."""
    failures = {1: InputError("the disk is full")}
    given = []

    def run(job, folder, *, progress, **options):
        if job.config.seed in failures:
            raise failures[job.config.seed]
        return run_job(job, folder, progress=progress)

    def executor(*arguments, **options):
        given.append((*arguments, options))
        return Inline()

    monkeypatch.setattr("pyro_seatbelt.sweeps.job_run.run_job", run)
    monkeypatch.setattr(placement, "LocalProcesses", executor)
    monkeypatch.setattr(placement, "Ray", executor)
    monkeypatch.setattr("pyro_seatbelt.runs.figures.draw_figures", lambda *a, **k: {})
    return failures, given


@pytest.fixture
def grid(make_grid):
    return make_grid(seed=[0, 1])


@pytest.mark.usefixtures("blank_figures")
def test_a_sweep_says_what_came_of_it(seatbelt, grid, inline, tmp_path):
    result = seatbelt("sweep", grid, "--out", "out")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        *("model", "L", "z", "beta", "seed", "ELBO", "TC", "MSE", "latent", "-log", "p(t)"),
    ]
    assert lines[1].split()[:5] == ["seatbelt", "2", "2", "6", "0"]
    assert "runs           1 finished, 1 failed" in lines
    assert "table          tables/runs.csv" in lines
    assert all(len(line) <= 80 for line in lines)
    errors = [line for line in result.stderr.splitlines() if not line.startswith("images ")]
    assert errors[0] == "0/2 runs"
    assert errors[-2].endswith(": the disk is full")
    assert errors[-1] == (
        "1 of 2 runs failed; the same command tries them again; more in out/failures"
    )
    inline[0].clear()
    again = seatbelt("sweep", grid, "--out", "out", "--json")
    assert again.exit_code == 0, again.output
    told = json.loads(again.stdout)
    assert (len(told["finished"]), len(told["skipped"]), told["failed"]) == (1, 1, {})
    assert Path(told["tables"]["runs"]).is_file()


def test_a_dry_run_lists_and_touches_nothing(seatbelt, make_grid, tmp_path):
    grid = make_grid(model=["vae", "seatbelt"], seed=[0, 1, 2])
    before = sorted(tmp_path.rglob("*"))
    result = seatbelt("sweep", grid, "--dry-run")
    assert result.exit_code == 0, result.output
    headings, *rows = [line.split() for line in result.stdout.splitlines()]
    assert headings == ["run", "attacks", "evaluated", "state"]
    assert len(rows) == 6
    assert all(row[1:] == ["1", "yes", "to", "do"] for row in rows)
    part = json.loads(seatbelt("sweep", grid, "--dry-run", "--shard", "2/4", "--json").stdout)
    assert [each["name"] for each in part] == [rows[1][0], rows[5][0]]
    assert sorted(tmp_path.rglob("*")) == before


def test_the_folder_is_named_after_the_grid(seatbelt, make_grid, inline, tmp_path):
    grid = make_grid("evaluate = false", name="mine.toml", seed=[1])
    result = seatbelt("sweep", grid, "--shard", "1/1")
    assert result.exit_code == 1
    assert (tmp_path / "runs" / "mine" / "sweep.json").is_file()
    assert list((tmp_path / "runs" / "mine" / "failures").glob("*-s1-*.json"))


def test_resources_are_passed_on(seatbelt, grid, inline):
    for words in (
        ["--workers", 2, "--threads", 3],
        ["--ray", "--workers", 2, "--threads", 3, "--gpus-per-run", 0.25],
        ["--ray", "10.0.0.1:6379"],
    ):
        inline[0][0] = inline[0][1]
        assert seatbelt("sweep", grid, "--out", "out", *words).exit_code == 1
    local, own, groups, cluster, _ = inline[1]
    assert local == (2, {"gpus": []})
    assert own == ("local", {"workers": 2, "threads": 3, "gpus": 0.25})
    assert cluster == ("10.0.0.1:6379", {"workers": None, "threads": 1, "gpus": None})
    assert groups == ({"gpus": 0},)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--ray"], ["--ray=local"]),
        (["--ray", "--json"], ["--ray=local", "--json"]),
        (["--ray", "grid.toml"], ["--ray=local", "grid.toml"]),
        (["--ray", "auto", "grid.toml"], ["--ray", "auto", "grid.toml"]),
        (["grid.toml", "--ray=ray://x:1"], ["grid.toml", "--ray=ray://x:1"]),
    ],
)
def test_ray_may_stand_alone(words, expected, monkeypatch):
    seen = []
    monkeypatch.setattr(
        OptionalRay.__base__, "parse_args", lambda self, ctx, args: seen.append(args)
    )
    OptionalRay(name="sweep").parse_args(None, words)
    assert seen == [expected]


def test_ctrl_c_says_how_to_go_on(seatbelt, grid, monkeypatch):
    def stop(self, *args):
        raise KeyboardInterrupt

    monkeypatch.setattr("pyro_seatbelt.executors.LocalProcesses.run", stop)
    result = seatbelt("sweep", grid)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "stopped; the same command goes on from what is finished"
    )


BAD_INPUT = {
    "no grid": (["none.toml"], "none.toml: the grid cannot be read: No such file"),
    "a bad grid": (["bad.toml"], "bad.toml: unknown key 'gird': did you mean grid"),
    "no shard": (["GRID", "--shard", "one"], "--shard: expected I/N with 1 <= I <= N"),
    "shard 0": (["GRID", "--shard", "0/4"], "--shard: expected I/N with 1 <= I <= N"),
    "no such shard": (["GRID", "--shard", "5/4"], "such as 1/4, got 5/4"),
    "no workers": (["GRID", "--workers", 0], "expected workers >= 1, got 0"),
    "no threads": (["GRID", "--threads", 0], "expected threads >= 1, got 0"),
    "gpus without ray": (["GRID", "--gpus-per-run", 1], "gpus: only Ray shares them out"),
    "a run": (["GRID", "--out", "run"], "run: expected an absent folder or that of a sweep"),
    "a file": (["GRID", "--out", "bad.toml"], "bad.toml: cannot write: Not a directory"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_and_nothing_is_touched(case, seatbelt, grid, tmp_path):
    (tmp_path / "bad.toml").write_text("[gird]")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    words, message = BAD_INPUT[case]
    before = sorted(tmp_path.rglob("*"))
    result = seatbelt("sweep", *(grid if word == "GRID" else word for word in words))
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert sorted(tmp_path.rglob("*")) == before


def test_without_ray_one_line_says_what_to_install(seatbelt, grid, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = seatbelt("sweep", grid, "--ray")
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert "pip install 'pyro-seatbelt[ray]'" in line


def test_a_terminal_has_a_bar_with_the_time_left():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, color_system=None)
    with ProgressBar(console) as bar:
        bar("runs", 3, 12, {"finished": 3, "failed": 0, "running": 0})
        bar("runs", 5.6, 12, {"finished": 4, "failed": 1, "running": 2})
    last = file.getvalue().split("\x1b[1A")[-1].split("\x1b[2K")[-1].splitlines()[0]
    assert last.startswith("4/12 runs, 1 failed, 2 running ")
    assert ":" in last.split()[-1]


def test_a_file_has_a_line_for_each_run_that_ends():
    file = io.StringIO()
    with ProgressBar(Console(file=file)) as bar:
        for done, running in ((0, 0), (0.1, 1), (0.2, 1)):
            bar("runs", done, 2, {"finished": 0, "failed": 0, "running": running})
        bar("runs", 1, 2, {"finished": 1, "failed": 0, "running": 1})
        bar("runs", 2, 2, {"finished": 1, "failed": 1, "running": 0})
    assert file.getvalue().splitlines() == [
        "0/2 runs",
        "1/2 runs, 1 running",
        "1/2 runs, 1 failed",
    ]
