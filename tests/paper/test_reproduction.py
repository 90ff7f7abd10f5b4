"""From nothing to figures, tables and claims."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.paper import ITEMS, SCALES, reproduce
from pyro_seatbelt.sweeps.finished import finished_job
from pyro_seatbelt.sweeps.job_run import run_job
from pyro_seatbelt.sweeps.sweep import SweepResult
from pyro_seatbelt.sweeps.tables import write_tables

SMOKE = SCALES["smoke"]
QUICK = replace(SMOKE, fields={**SMOKE.fields, "steps": 2, "warmup_steps": 1})


@pytest.fixture(autouse=True)
def _in_the_workplace(workplace):
    pass


@pytest.fixture
def in_this_process(monkeypatch):
    """Runs jobs here: starting other processes takes longer than what they would do."""
    made = []
    monkeypatch.setattr("pyro_seatbelt.runs.figures.draw_figures", lambda *a, **k: {})

    def run_here(jobs, folder, **options):
        for job in jobs:
            if finished_job(job, folder) is None:
                made.append(job.name)
                run_job(job, folder)
        return SweepResult(folder, made, {}, [], write_tables(folder))

    monkeypatch.setattr("pyro_seatbelt.paper.reproduction.run_jobs", run_here)
    return made


def states(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_figure_is_made_once_and_drawn_as_often_as_one_likes(in_this_process, tmp_path):
    found = reproduce(["fig4", "fig5"], scale=QUICK, folder=tmp_path)
    place = tmp_path / "smoke"
    assert found.folder == place
    assert len(in_this_process) == 3  # what both need is trained once
    assert (found.failed, found.absent) == ({}, 0)
    for name in ("fig4", "fig5"):
        assert all(file.is_file() for file in found.files[name])
        own = json.loads((place / name / "claims.json").read_text())
        assert [each["item"] for each in own] == [name] * len(own)
        assert all(isinstance(each["holds"], bool) for each in own) or name == "fig5"
        assert all(QUICK.note in each["note"] for each in own)
    together = json.loads((place / "claims.json").read_text())
    assert len(together) == len(found.claims)
    assert "| fig5 |" in (place / "claims.md").read_text()
    table = pd.read_csv(place / "fig5" / "attacks.csv")
    assert table["num"].tolist() == [4, 4, 4, 4]  # two pairs, two penalties
    with Image.open(place / "fig4" / "reconstructions.png") as picture:
        assert np.asarray(picture).std() > 10

    runs = states(place / "runs")
    shutil.rmtree(place / "fig5")
    again = reproduce(["fig5"], scale=QUICK, folder=tmp_path, redraw_only=True)
    assert states(place / "runs") == runs
    assert len(in_this_process) == 3
    assert [each.name for each in again.files["fig5"]] == [
        "attacks.png",
        "attacks.csv",
        "attacks.md",
        "claims.json",
    ]
    # what was not made is left out, and unknown
    rest = reproduce(["table1", "fig7"], scale=QUICK, folder=tmp_path, redraw_only=True)
    assert rest.absent == 3
    verdicts = {claim.claim: claim.holds for claim in rest.claims}
    assert verdicts["encoder-norm-seatbelt-chairs"] is None
    assert verdicts["encoder-norm-beta-tcvae-chairs"] is not None
    assert states(place / "runs") == runs


def test_evaluations_that_are_not_there_or_not_of_the_newest_step_are_left_out(
    in_this_process, tmp_path, without_manifests
):
    names = ["fig4", "fig8", "kl-collapse"]
    reproduce(names, scale=QUICK, folder=tmp_path)
    place = without_manifests(tmp_path / "smoke")
    rows = pd.read_csv(place / "fig8" / "noise.csv")
    assert len(rows) == 18  # three models, two betas, three magnitudes
    for number, path in enumerate(sorted(place.glob("runs/*/evaluation/evaluation.json"))):
        if number % 2:
            shutil.rmtree(path.parent)
        else:
            path.write_text(json.dumps(json.loads(path.read_text()) | {"step": 1}))
    found = reproduce(names, scale=QUICK, folder=tmp_path, redraw_only=True)
    assert list(found.files) == names
    assert all(claim.holds is None for claim in found.claims)
    assert not (place / "fig8" / "noise.csv").read_text().strip()
    assert not (place / "kl-collapse" / "kl.csv").read_text().strip()


def test_a_heart_is_attacked_once(in_this_process, tmp_path, without_manifests):
    found = reproduce(["heart"], scale=QUICK, folder=tmp_path)
    place = tmp_path / "smoke" / "heart"
    with Image.open(place / "heart.png") as one, Image.open(place / "heart-rotated.png") as other:
        assert one.size == other.size == (64, 64)
        white = [int((np.asarray(each) == 255).sum()) for each in (one, other)]
        assert white[0] == pytest.approx(white[1], rel=0.1)  # the same heart, turned
        assert not np.array_equal(np.asarray(one), np.asarray(other))
    [claim] = found.claims
    assert claim.measured["problems"] == len(SMOKE.weights)
    assert claim.holds is None  # one pair has no interval
    assert claim.measured["ratio"] > 0
    runs = states(tmp_path / "smoke" / "runs")
    (place / "attacks.png").unlink()
    again = reproduce(["heart"], scale=QUICK, folder=tmp_path, redraw_only=True)
    assert again.claims == found.claims
    assert (place / "attacks.png").is_file()
    assert states(tmp_path / "smoke" / "runs") == runs
    # an attack of an earlier checkpoint is not shown as one of the newest
    without_manifests(tmp_path)
    for path in (tmp_path / "smoke" / "runs").glob("*/attacks/*/arguments.json"):
        about = json.loads(path.read_text())
        path.write_text(json.dumps(about | {"step": about["step"] - 1}))
    [claim] = reproduce(["heart"], scale=QUICK, folder=tmp_path, redraw_only=True).claims
    assert claim.measured["problems"] == 0
    table = (place / "attacks.csv").read_text()
    assert not table.strip()


def test_there_must_be_something_to_redraw(tmp_path):
    with pytest.raises(InputError, match="nothing to redraw here"):
        reproduce(["fig3"], scale=QUICK, folder=tmp_path, redraw_only=True)
    with pytest.raises(InputError, match="expected figures or tables out of"):
        reproduce(["fig2"], scale=QUICK, folder=tmp_path)
    assert not list(tmp_path.glob("smoke*"))


def test_what_fails_is_left_out(monkeypatch, tmp_path):
    def fail(jobs, folder, **options):
        (folder / "runs").mkdir(parents=True)
        failed = {job.name: "it diverged" for job in jobs}
        return SweepResult(folder, [], failed, [], {})

    monkeypatch.setattr("pyro_seatbelt.paper.reproduction.run_jobs", fail)
    found = reproduce(["fig3"], scale=SMOKE, folder=tmp_path)
    assert found.absent == len(found.failed) == len(ITEMS["fig3"].jobs(SMOKE))
    assert all(claim.holds is None for claim in found.claims)


@pytest.mark.slow
def test_everything_runs(tmp_path):
    scale = replace(SMOKE, name="all")
    found = reproduce(["all"], scale=scale, folder=tmp_path, workers=1)
    assert (found.failed, found.absent) == ({}, 0)
    assert list(found.files) == list(ITEMS)
    for name, files in found.files.items():
        assert all(file.is_file() for file in files), name
    unknown = {claim.claim for claim in found.claims if claim.holds is None}
    assert "traversals" in unknown
    runs = states(tmp_path / "all" / "runs")
    again = reproduce(["all"], scale=scale, folder=tmp_path, redraw_only=True)
    assert states(tmp_path / "all" / "runs") == runs
    assert again.claims == found.claims
