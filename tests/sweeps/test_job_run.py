import json
import os
import shutil
import signal
from dataclasses import replace

import pandas as pd
import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.locks import lock
from pyro_seatbelt.progress import silent
from pyro_seatbelt.runs import (
    RobustnessOptions,
    evaluate_run,
    read_evaluation,
    read_robustness,
    resume_run,
    robustness_of_run,
)
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.sweeps import job_for
from pyro_seatbelt.sweeps import job_run as module
from pyro_seatbelt.sweeps.finished import finished_job, job_place
from pyro_seatbelt.sweeps.grid import read_grid
from pyro_seatbelt.sweeps.job_run import Attempt, run_job
from pyro_seatbelt.sweeps.tables import run_table
from pyro_seatbelt.training.layout import checkpoints

pytestmark = pytest.mark.usefixtures("blank_figures")


@pytest.fixture
def job(make_grid):
    [job] = read_grid(make_grid(seed=[0])).jobs()
    return job


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def done(kept, job, tmp_path):
    """A finished sweep of one job, made once and copied."""
    if not (kept / "sweep").exists():
        run_job(job, kept / "sweep")
    return shutil.copytree(kept / "sweep", tmp_path / "sweep")


def test_a_job_is_trained_attacked_and_evaluated(done, job):
    report = finished_job(job, done)
    assert report.run == job_place(job.name, done)
    assert RunFolder(report.run).read_record().status == "finished"
    [attack] = report.attacks
    assert len(pd.read_parquet(attack / "table.parquet")) == 4
    assert (report.evaluation / "evaluation.json").is_file()
    assert report.was_finished


def test_a_finished_job_is_not_touched(done, job, monkeypatch):
    monkeypatch.setattr(module, "resume_run", lambda *args, **kwargs: pytest.fail("again"))
    monkeypatch.setattr(module, "attack_run", lambda *args, **kwargs: pytest.fail("again"))
    monkeypatch.setattr(module, "evaluate_run", lambda *args, **kwargs: pytest.fail("again"))
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*")}
    assert run_job(job, done).was_finished
    assert run_job(replace(job, attacks=(), evaluation=None), done).attacks == ()
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*")} == before


def test_what_is_gone_or_new_is_made(done, job):
    place = job_place(job.name, done)
    [attack] = (place / "attacks").iterdir()
    table = (attack / "table.parquet").read_bytes()
    (attack / "table.parquet").unlink()
    assert finished_job(job, done) is None
    assert not run_job(job, done).was_finished
    assert (attack / "table.parquet").read_bytes() == table

    more = replace(
        job, attacks=(*job.attacks, job.attacks[0].model_copy(update={"pairs": 1})), evaluation=None
    )
    assert finished_job(more, done) is None
    assert len(run_job(more, done).attacks) == 2
    assert finished_job(job, done) is not None  # what was asked before is not forgotten

    (place / "evaluation" / "evaluation.json").unlink()
    assert finished_job(job, done) is None
    assert finished_job(more, done) is not None


def test_another_checkpoint_is_another_matter(done, job):
    saved = checkpoints(RunFolder(job_place(job.name, done)).checkpoints)
    shutil.copytree(saved[-1], saved[-1].with_name("step-00000005"))
    assert finished_job(job, done) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"step": 4}'])
def test_a_damaged_mark_is_made_again(content, done, job):
    mark = job_place(job.name, done) / "job.json"
    before = mark.read_text()
    mark.write_text(content)
    assert finished_job(job, done) is None
    assert not run_job(job, done).was_finished
    assert json.loads(mark.read_text()) == json.loads(before)


def test_a_run_that_was_killed_as_it_began_begins_again(job, tmp_path):
    place = job_place(job.name, tmp_path)
    place.mkdir(parents=True)
    (place / "run.json").write_text('{"status": "running"}')
    (place / ".config.json.123.part").write_text("{")
    training = replace(job, attacks=(), evaluation=None)
    assert run_job(training, tmp_path).run == place
    assert RunFolder(place).read_record().status == "finished"
    assert not list(place.glob(".*"))


def test_what_somebody_else_put_there_stays(job, tmp_path):
    place = job_place(job.name, tmp_path)
    place.mkdir(parents=True)
    (place / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="expected an absent or empty folder for the run"):
        run_job(job, tmp_path)
    assert [path.name for path in place.iterdir()] == ["thesis.txt"]


def test_a_run_that_is_beginning_is_left_alone(job, tmp_path):
    place = job_place(job.name, tmp_path)
    place.mkdir(parents=True)
    with lock(place), pytest.raises(InputError, match="another process is training this run"):
        run_job(job, tmp_path)


def test_a_run_whose_process_died_is_resumed(done, job, without_manifests):
    place = without_manifests(job_place(job.name, done))
    record = json.loads((place / "run.json").read_text())
    (place / "run.json").write_text(json.dumps(record | {"status": "running", "pid": os.getpid()}))
    (place / "job.json").unlink()
    shutil.rmtree(place / "checkpoints")
    attack = next((place / "attacks").glob("*/table.parquet"))
    before = attack.read_bytes()
    run_job(job, done)
    assert attack.read_bytes() == before  # the same weights: the same attack
    assert len(list((place / "attacks").iterdir())) == 1
    assert RunFolder(place).read_record().status == "finished"


def test_settings_of_the_machine_may_change(done, job):
    changed = job_for(job.config.model_copy(update={"log_every": 1, "eval_images": 3}), job.attacks)
    assert changed.name == job.name
    (job_place(job.name, done) / "job.json").unlink()
    assert run_job(changed, done).run == job_place(job.name, done)


def test_training_that_is_asked_to_stop_saves_and_says_so(job, tmp_path):
    def progress(stage, done, total, numbers=None):
        if done == 0.5:  # after two steps of four
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_job(replace(job, attacks=(), evaluation=None), tmp_path, progress=progress)
    place = job_place(job.name, tmp_path)
    assert [path.name for path in checkpoints(place / "checkpoints")] == ["step-00000002"]
    assert RunFolder(place).read_record().status == "interrupted"


def test_the_task_of_a_sweep_raises_nothing(job, tmp_path, monkeypatch):
    attempt = Attempt(tmp_path, threads=1)
    training = replace(job, attacks=(), evaluation=None)
    assert attempt(training, silent) is None
    assert finished_job(training, tmp_path) is not None
    raised = iter([KeyboardInterrupt(), InputError("beta: no"), ZeroDivisionError("oh")])

    def fail(*args, **kwargs):
        raise next(raised)

    monkeypatch.setattr(module, "run_job", fail)
    failures = [attempt(job, silent) for _ in range(3)]
    errors = ["a signal stopped it", "beta: no", "ZeroDivisionError: oh"]
    assert [failure.error for failure in failures] == errors
    assert [failure.traceback is None for failure in failures] == [True, True, False]


def test_it_says_where_it_is(job, tmp_path):
    stages = []
    run_job(replace(job, evaluation=None), tmp_path, progress=lambda *each: stages.append(each))
    assert list(dict.fromkeys(stage for stage, *_ in stages)) == [
        "training",
        "attack 1 of 1",
    ]
    fractions = [done for _, done, _ in stages]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_an_evaluation_that_somebody_replaced_is_made_again(done, job):
    place = job_place(job.name, done)
    evaluate_run(place, job.evaluation.model_copy(update={"seed": 5}))
    assert finished_job(job, done) is None
    run_job(job, done)
    assert read_evaluation(place).seed == job.evaluation.seed


ROBUSTNESS = RobustnessOptions(
    modes=("latent",), pairs=2, penalties=2, max_iterations=2, norms=(0.5,), draws=2, images=4,
    device="cpu", figures=False,
)  # fmt: skip


def test_the_robustness_of_a_run_is_a_stage_of_its_own(done, job):
    wanted = replace(job, robustness=ROBUSTNESS)
    assert finished_job(wanted, done) is None
    stages = []
    report = run_job(wanted, done, progress=lambda *each: stages.append(each))
    assert "robustness" in {stage for stage, *_ in stages}
    assert (report.robustness / "robustness.json").is_file()
    assert finished_job(wanted, done).was_finished
    assert finished_job(job, done).was_finished  # who asks for less is content
    assert run_job(job, done).robustness is None
    assert finished_job(wanted, done).robustness == report.robustness
    [row] = run_table(done).to_dict("records")
    assert row["attack_checks_failed"] == len(read_robustness(report.run).failed)
    assert {"r50", "r90", "blend50", "auddc", "damage.0.5"} <= row.keys()


def test_a_robustness_that_somebody_replaced_is_measured_again(done, job):
    wanted = replace(job, robustness=ROBUSTNESS)
    report = run_job(wanted, done)
    robustness_of_run(report.run, ROBUSTNESS.model_copy(update={"draws": 3}))
    assert finished_job(wanted, done) is None
    run_job(wanted, done)
    assert read_robustness(report.run).protocol["draws"] == 2


def test_a_mark_of_an_earlier_version_knows_of_no_robustness(done, job):
    path = job_place(job.name, done) / "job.json"
    mark = json.loads(path.read_text())
    del mark["robustness"]
    path.write_text(json.dumps(mark))
    assert finished_job(job, done).was_finished
    assert finished_job(replace(job, robustness=ROBUSTNESS), done) is None


@pytest.mark.parametrize("name", ["run.json", "evaluation/evaluation.json"])
def test_a_damaged_run_is_not_finished(name, done, job):
    (job_place(job.name, done) / name).write_text("{")
    assert finished_job(job, done) is None


def test_an_evaluation_of_an_earlier_step_is_forgotten(done, job):
    place = job_place(job.name, done)
    resume_run(place, {"steps": 5})
    longer = replace(job, config=job.config.model_copy(update={"steps": 5}))
    run_job(replace(longer, evaluation=None), done)
    assert json.loads((place / "job.json").read_text())["evaluation"] is None
    assert finished_job(longer, done) is None


def test_a_run_with_another_config_is_not_taken_for_it(done, job):
    other = replace(job, config=job.config.model_copy(update={"learning_rate": 0.5}))
    (job_place(job.name, done) / "job.json").unlink()
    with pytest.raises(InputError, match=r"expected a run with learning_rate 0\.5, it has 0\.001"):
        run_job(other, done)
