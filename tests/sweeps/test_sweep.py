import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Timer

import pandas as pd
import pytest

import pyro_seatbelt
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import Inline, LocalProcesses
from pyro_seatbelt.locks import lock, locked
from pyro_seatbelt.sweeps import SweepOptions, attack_table, job_for, placement, run_jobs, run_table
from pyro_seatbelt.sweeps.failures import failure_in
from pyro_seatbelt.sweeps.finished import finished_job, job_place
from pyro_seatbelt.sweeps.grid import read_grid
from pyro_seatbelt.sweeps.job_run import Attempt, run_job
from pyro_seatbelt.training.layout import checkpoints

SOURCE = Path(pyro_seatbelt.__file__).parent.parent


@pytest.fixture
def jobs(make_grid):
    return read_grid(make_grid(seed=[0, 1, 2])).jobs()


@pytest.fixture
def bare(jobs):
    """The same, only trained."""
    return [job_for(job.config) for job in jobs]


@pytest.fixture
def inline(monkeypatch):
    """Jobs run in this process, and `broken` ones fail."""
    broken = {}

    def run(job, folder, *, progress, **options):
        if job.name in broken:
            raise broken[job.name]
        return run_job(job, folder, progress=progress)

    monkeypatch.setattr("pyro_seatbelt.runs.figures.draw_figures", lambda *a, **k: {})
    monkeypatch.setattr("pyro_seatbelt.sweeps.job_run.run_job", run)
    monkeypatch.setattr(placement, "LocalProcesses", lambda workers, gpus: Inline())
    return broken


def start(grid, out, *options, stdout=subprocess.DEVNULL):
    """A sweep in a process of its own."""
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pyro_seatbelt.cli", "sweep", str(grid), "--out", str(out)]
    return subprocess.Popen(
        [*command, "--workers", "2", "--threads", "1", *options],
        env={**os.environ, "PYTHONPATH": path},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, process, *, seconds=300):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)
    return found


def has_lines(path):
    return path.stat().st_size > 0


def last_weights(place):
    return (checkpoints(place / "checkpoints")[-1] / "weights.safetensors").read_bytes()


def marks(out):
    return list(out.glob("runs/*/job.json"))


def assert_same_tables(one, other):
    for table in (run_table, attack_table):
        first, second = table(one), table(other)
        assert len(first)
        pd.testing.assert_frame_equal(first, second, check_exact=True)
    for name in ("runs", "attacks"):
        first, second = (
            pd.read_parquet(out / "tables" / f"{name}.parquet") for out in (one, other)
        )
        pd.testing.assert_frame_equal(first, second, check_exact=True)


@pytest.mark.usefixtures("blank_figures")
def test_everything_is_in_the_folder_and_nothing_is_made_twice(inline, jobs, tmp_path):
    out = tmp_path / "sweep"
    seen = []
    result = run_jobs(jobs[:2], out, progress=lambda *each: seen.append(each))
    assert result.finished == [job.name for job in jobs[:2]]
    assert (result.failed, result.skipped) == ({}, [])
    assert {path.name for path in out.iterdir()} == {"sweep.json", "runs", "tables"}
    assert [each["name"] for each in json.loads((out / "sweep.json").read_text())["jobs"]] == [
        job.name for job in jobs[:2]
    ]
    runs = [each for each in seen if each[0] == "runs"]
    assert runs[:2] == [
        ("runs", 0, 2, {"finished": 0, "failed": 0, "running": running}) for running in (0, 1)
    ]
    assert runs[-1] == ("runs", 2, 2, {"finished": 2, "failed": 0, "running": 0})
    done = [each[1] for each in runs]
    assert done == sorted(done)
    assert any(0 < each < 1 for each in done)  # in the middle of the first

    again = run_jobs(jobs, out)
    assert again.skipped == result.finished
    assert again.finished == [jobs[2].name]
    assert len(json.loads((out / "sweep.json").read_text())["jobs"]) == 3
    assert pd.read_parquet(again.tables["runs"])["run"].tolist() == sorted(job.name for job in jobs)
    assert pd.read_csv(again.tables["csv"])["seed"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [('{"format": 2, "jobs": []}', "it has format 2, and this version"), ("{", "it is no JSON")],
)
def test_what_another_version_knows_is_not_erased(inline, jobs, tmp_path, content, message):
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(InputError, match=rf"sweep\.json: .*{message}"):
        run_jobs(jobs[:1], tmp_path)
    assert (tmp_path / "sweep.json").read_text() == content


@pytest.mark.usefixtures("blank_figures")
def test_marks_and_failures_of_a_newer_version_are_refused_and_kept(inline, bare, tmp_path):
    [job, *_] = bare
    run_jobs([job], tmp_path)
    mark = job_place(job.name, tmp_path) / "job.json"
    failure = tmp_path / "failures" / f"{job.name}.json"
    failure.parent.mkdir()
    newer = '{"format": 2, "novel": 1}'
    for path in (mark, failure):
        path.write_text(newer)
        with pytest.raises(InputError, match=f"{path.name}: it has format 2, and this version"):
            run_jobs([job], tmp_path)
        assert path.read_text() == newer
        path.unlink()
    assert run_jobs([job], tmp_path).finished == [job.name]


@pytest.mark.usefixtures("blank_figures")
def test_a_run_that_is_still_being_saved_is_waited_for(inline, bare, tmp_path):
    [job, *_] = bare
    place = job_place(job.name, tmp_path)
    place.mkdir(parents=True)
    with ExitStack() as stack:
        stack.enter_context(locked(place, "busy"))
        Timer(1.5, stack.pop_all().close).start()
        assert run_jobs([job], tmp_path).finished == [job.name]


@pytest.mark.usefixtures("blank_figures")
def test_a_failing_job_is_kept_named_and_tried_again(inline, bare, tmp_path):
    out = tmp_path / "sweep"
    name = bare[1].name
    inline[name] = RuntimeError("no room")
    for attempts in (1, 2):
        result = run_jobs(bare[:2], out)
        assert result.failed == {name: "RuntimeError: no room"}
        kept = json.loads((out / "failures" / f"{name}.json").read_text())
        assert (kept["job"], kept["error"], kept["attempts"]) == (
            *(name, "RuntimeError: no room", attempts),
        )
        assert "raise broken[job.name]" in kept["traceback"]
        assert pd.read_parquet(result.tables["runs"])["run"].tolist() == [bare[0].name]
    inline.clear()
    result = run_jobs(bare[:2], out)
    assert (result.finished, result.failed) == ([name], {})
    assert not list((out / "failures").iterdir())


@pytest.mark.usefixtures("blank_figures")
def test_shards_are_together_the_whole(inline, bare, tmp_path):
    out = tmp_path / "sweep"
    first = run_jobs(bare, out, SweepOptions(shard=(1, 2)))
    with lock(out, shared=True):  # as if another shard were at it
        second = run_jobs(bare, out, SweepOptions(shard=(2, 2)))
    assert [first.finished, second.finished] == [
        [bare[0].name, bare[2].name],
        [bare[1].name],
    ]
    assert run_jobs(bare, out).skipped == [job.name for job in bare]
    assert len(pd.read_parquet(second.tables["runs"])) == 3


def test_another_process_at_the_sweep_is_said_so(inline, bare, tmp_path):
    out = tmp_path / "sweep"
    out.mkdir()
    for shared, shard in ((False, None), (False, (1, 2)), (True, None)):
        with (
            lock(out, shared=shared),
            pytest.raises(InputError, match="another process is at this sweep"),
        ):
            run_jobs(bare, out, SweepOptions(shard=shard))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "expected workers >= 1, got 0"),
        ({"threads": 0}, "expected threads >= 1, got 0"),
        ({"shard": (0, 2)}, "expected a shard i of n with 1 <= i <= n, got 0 of 2"),
        ({"shard": (3, 2)}, "got 3 of 2"),
        ({"gpus": 0.5}, "gpus: only Ray shares them out"),
        ({"gpus": -1.0, "ray": "local"}, r"expected gpus >= 0, got -1\.0"),
    ],
)
def test_wrong_options_are_said_so_before_anything_is_written(options, message, jobs, tmp_path):
    with pytest.raises(InputError, match=message):
        run_jobs(jobs, tmp_path / "sweep", SweepOptions(**options))
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize("there", ["config.json", "tables/mine.csv"])
def test_a_folder_of_something_else_is_left_alone(there, inline, jobs, tmp_path):
    path = tmp_path / "sweep" / there
    path.parent.mkdir(parents=True)
    path.write_text("years of work")
    with pytest.raises(InputError, match="expected an absent folder or that of a sweep"):
        run_jobs(jobs, tmp_path / "sweep")
    assert [each for each in (tmp_path / "sweep").rglob("*") if each.is_file()] == [path]


def test_killed_workers_and_bad_jobs_fail_alone(jobs, pictures, tmp_path):
    """One job has no data, one job's process is killed; the third finishes."""
    gone = shutil.copytree(pictures, tmp_path / "gone")
    lost = jobs[0].config.model_copy(update={"data_dir": gone})
    shutil.rmtree(gone)
    long = jobs[1].config.model_copy(update={"steps": 100_000})
    given = [job_for(lost), job_for(long), job_for(jobs[2].config)]
    killed = []

    def progress_of(number):
        def progress(stage, done, total, numbers=None):
            if number == 1 and done > 0 and not killed:
                record = job_place(given[1].name, tmp_path) / "run.json"
                killed.append(json.loads(record.read_text())["pid"])
                os.kill(killed[0], signal.SIGKILL)

        return progress

    outcomes = dict(LocalProcesses(2).run(Attempt(tmp_path, 1), given, progress_of))
    failures = [failure_in(outcomes[number]) for number in range(3)]
    assert "gone: expected a folder of images" in failures[0].error
    assert failures[1].error == "its process was killed by SIGKILL: was there enough memory?"
    assert [failure.traceback for failure in failures[:2]] == [None, None]
    assert failures[2] is None
    assert finished_job(given[2], tmp_path)


def test_kill_9_changes_no_number(inline, make_grid, tmp_path):
    """Three runs, stopped after the first: it is not made again."""
    grid = make_grid("evaluate = false", seed=[0, 1, 2])
    jobs = [job_for(job.config) for job in read_grid(grid).jobs()]
    grid.write_text(grid.read_text().split("[[attack]]", maxsplit=1)[0])
    out, whole = tmp_path / "killed", tmp_path / "whole"
    with start(grid, out, "--workers", "1") as process:
        wait_for(lambda: marks(out), process)
        process.send_signal(signal.SIGKILL)
    finished = {path: path.stat().st_mtime_ns for path in marks(out)}
    assert 0 < len(finished) < 3, "it was over before it could be killed"
    assert len(run_jobs(jobs, out).skipped) == len(finished)
    assert all(path.stat().st_mtime_ns == when for path, when in finished.items())
    run_jobs(jobs, whole)
    pd.testing.assert_frame_equal(run_table(out), run_table(whole), check_exact=True)
    for job in jobs:
        first, second = (last_weights(job_place(job.name, each)) for each in (out, whole))
        assert first == second


@pytest.mark.slow
@pytest.mark.usefixtures("blank_figures")
def test_kill_9_changes_no_number_of_twelve_runs(make_grid, tmp_path):
    """Stopped in the middle, and again, and continued by the same command."""
    grid = make_grid(model=["vae", "seatbelt"], latent_dim=[2, 3], seed=[0, 1, 2])
    jobs = read_grid(grid).jobs()
    out, whole = tmp_path / "killed", tmp_path / "whole"
    finished = {}
    for least in (3, 7):
        with start(grid, out) as process:
            wait_for(lambda least=least: len(marks(out)) >= least, process)
            process.send_signal(signal.SIGKILL)
        assert all(path.stat().st_mtime_ns == when for path, when in finished.items())
        finished = {path: path.stat().st_mtime_ns for path in marks(out)}
        assert least <= len(finished) < 12, "it was over before it could be killed"
    with start(grid, out) as process:
        _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    assert all(path.stat().st_mtime_ns == when for path, when in finished.items())
    for job in jobs:  # in this process, one after the other
        run_job(job, whole)
    run_jobs(jobs, whole)
    assert len(run_table(whole)) == 12
    assert len(attack_table(whole)) == 48
    assert_same_tables(out, whole)


@pytest.mark.slow
def test_ctrl_c_saves_what_is_being_trained(make_grid, tmp_path):
    grid, out = make_grid(seed=[0, 1], steps=[100_000]), tmp_path / "out"
    with start(grid, out) as process:
        wait_for(lambda: sum(map(has_lines, out.glob("runs/*/metrics.jsonl"))) == 2, process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.splitlines()[-1] == "stopped; the same command goes on from what is finished"
    assert len(list(out.glob("runs/*/checkpoints"))) == 2
    statuses = [json.loads(path.read_text())["status"] for path in out.glob("runs/*/run.json")]
    assert statuses == ["interrupted"] * 2


def workers_of_ray(mark):
    """Processes that run a job on the cluster of a sweep with a mark in its environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (place / "cmdline").read_bytes()
            if words.startswith(b"ray::_run") and mark in (place / "environ").read_bytes():
                found.append(int(place.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_ray_goes_on_when_a_worker_is_killed(make_grid, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    grid = make_grid(model=["vae", "seatbelt"], latent_dim=[2, 3], seed=[0, 1, 2])
    # an attack of two groups, which are tasks of their own
    grid.write_text(grid.read_text().replace("[[attack]]", "[[attack]]\nbatch = 2"))
    out, whole = tmp_path / "ray", tmp_path / "local"
    monkeypatch.setenv("SWEEP_UNDER_TEST", str(tmp_path))
    killed = []

    def kill_one():
        if marks(out) and not killed:
            killed.extend(workers_of_ray(str(tmp_path).encode())[:1])
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
        return killed

    with start(grid, out, "--ray", "--json", stdout=subprocess.PIPE) as process:
        wait_for(kill_one, process)
        printed, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    result = json.loads(printed)  # Ray prints nothing there
    assert len(result["finished"]) == 12
    assert result["failed"] == {}
    with start(grid, whole) as process:
        _, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    assert len(attack_table(whole)) == 48
    assert_same_tables(out, whole)
