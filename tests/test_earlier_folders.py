"""Folders that version 0.1.0 made before its rooms were rebuilt: `fixtures/folders-0.1.0.tar.xz`.

The archive holds eight pictures, a run with two finished attacks, one that was stopped after its
first group, and an evaluation, and a sweep of two runs of which one failed. Its weights follow a
pattern that compresses well. `PLACE` stands for the folder that it is unpacked to.
"""

import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import torch

from pyro_seatbelt.report.write import report_runs
from pyro_seatbelt.runs import (
    AttackOptions,
    EvaluateOptions,
    attack_run,
    evaluate_run,
    list_runs,
    load_run,
    read_evaluation,
    resume_run,
    verify_run,
)
from pyro_seatbelt.sweeps import SweepOptions, attack_table, job_for, run_jobs, run_table
from pyro_seatbelt.training.metrics import read_metrics

ARCHIVE = Path(__file__).parent / "fixtures" / "folders-0.1.0.tar.xz"
ATTACK = AttackOptions(
    pairs=1, weights=(0.0, 1.0), max_iterations=3, device="cpu", figures=False, processes=1
)
EVALUATION = EvaluateOptions(
    images=4,
    aggregate_images=4,
    iwae_samples=2,
    noise_scales=(0.5,),
    device="cpu",
    figures=False,
)


@pytest.fixture
def earlier(tmp_path):
    place = tmp_path / "earlier"
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(place, filter="data")
    for path in place.rglob("*.json"):
        path.write_text(path.read_text("utf-8").replace("PLACE", str(place)), "utf-8")
    return place


def with_modes(*modes, **changes):
    return AttackOptions(**{**plain(ATTACK), "modes": modes, **changes})


def plain(options):
    return {name: getattr(options, name) for name in ("pairs", "weights", "max_iterations",
            "device", "figures", "processes")}  # fmt: skip


def test_a_run_opens(earlier):
    (summary,) = list_runs(earlier)
    assert (summary.status, summary.step, summary.model) == ("finished", 4, "seatbelt")
    run = load_run(summary.folder)
    assert (run.config.layers, run.config.beta, run.step) == (2, 6.0, 4)
    x = torch.from_numpy(np.load(earlier / "pixels.npy")[:, None]).float() / 255
    pairs = safetensors.numpy.load_file(
        run.folder / "attacks" / "latent-all-02087435" / "pairs.safetensors"
    )
    assert any(np.array_equal(pairs["input"][0], each) for each in x.numpy())


def test_a_run_resumes(earlier):
    result = resume_run(earlier / "run", {"steps": 6})
    assert (result.status, result.step, result.num_steps) == ("finished", 6, 2)
    lines = read_metrics(earlier / "run" / "metrics.jsonl")
    assert [line["step"] for line in lines if line["kind"] == "train"] == [1, 4, 6]


def test_a_run_has_no_manifest_and_its_checkpoint_is_whole(earlier):
    found = {each.folder.name: each.state for each in verify_run(earlier / "run")}
    assert found.pop("step-00000004") == "intact"
    assert set(found.values()) == {"no manifest"}


def test_finished_attacks_are_recognised_and_only_read(earlier):
    reports = attack_run(earlier / "run", with_modes("latent", "output"))
    assert [(each.folder.name, each.was_finished) for each in reports] == [
        ("latent-all-02087435", True),
        ("output-all-a807a1b6", True),
    ]
    summary = json.loads((reports[1].folder / "summary.json").read_text())
    assert reports[1].summary["value"].mean == pytest.approx(summary["value"]["mean"], rel=1e-12)


def test_a_finished_attack_that_did_not_look_at_its_ends_says_nothing_of_them(earlier):
    [report] = attack_run(earlier / "run", with_modes("latent"))
    assert report.num_failed is None
    [both] = attack_run(earlier / "run", with_modes("latent", ends="both"))
    assert (both.folder != report.folder, both.num_failed) == (True, 0)
    [chosen] = attack_run(earlier / "run", with_modes("latent"))
    assert chosen.folder == both.folder


def test_a_stopped_attack_goes_on(earlier):
    (stopped,) = (earlier / "run" / "attacks").glob("w2-*")
    first = pd.read_parquet(stopped / "groups" / "group-00000.parquet")
    (report,) = attack_run(earlier / "run", with_modes("w2", batch=1))
    assert (report.folder, report.was_finished) == (stopped, False)
    table = pd.read_parquet(report.files["table"])
    assert table["problem"].tolist() == [0, 1]
    assert table["failed"].isna().tolist() == [True, False]
    pd.testing.assert_frame_equal(table.loc[:0, first.columns], first, check_exact=True)


def test_an_attack_made_anew_finds_the_same(earlier):
    path = earlier / "run" / "attacks" / "output-all-a807a1b6" / "table.parquet"
    before = pd.read_parquet(path)
    (report,) = attack_run(earlier / "run", with_modes("output", force=True))
    after = pd.read_parquet(path)
    assert (report.folder, report.was_finished) == (path.parent, False)
    assert [name for name in after if name in before] == list(before)
    assert set(after) - set(before) == {"value_at_input", "value_at_target", "failed", "covered"}
    # on the machine that made the archive they are equal to the last bit
    for column in ("value", "norm", "target_nll", "l2_target"):
        np.testing.assert_allclose(after[column], before[column], rtol=1e-2)


def test_an_evaluation_is_recognised(earlier):
    report = evaluate_run(earlier / "run", EVALUATION)
    assert report.was_finished
    assert report.evaluation == read_evaluation(earlier / "run")
    assert report.evaluation.elbo == pytest.approx(-3310.660137653351, rel=1e-12)
    assert report.evaluation.parts_of == "training images"


def test_a_sweep_is_listed_continued_and_reported(earlier):
    sweep = earlier / "sweep"
    runs, attacks = run_table(sweep), attack_table(sweep)
    (name,) = runs["run"]
    assert (len(runs), len(attacks)) == (1, 1)
    written = pd.read_parquet(sweep / "tables" / "runs.parquet")
    written = written[written["run"] == name].reset_index(drop=True)
    assert set(runs) - set(written) == {"parts_of"}
    pd.testing.assert_frame_equal(runs[written.columns], written)
    page = report_runs([sweep], earlier / "page.html").read_text("utf-8")
    assert name in page
    assert "1 job failed: folder-vae-L1-z2-s0-a83f113b." in page


def test_a_job_of_a_sweep_is_not_made_again(earlier):
    place = next((earlier / "sweep" / "runs").glob("folder-beta-tcvae-*"))
    attack = with_modes("latent", weights=(0.0,), max_iterations=2, processes=None)
    job = job_for(load_run(place).config, [attack], EVALUATION)
    place.rename(place.with_name(job.name))  # the name depends on where the pictures are
    result = run_jobs([job], earlier / "sweep", SweepOptions(workers=1))
    assert (result.skipped, result.finished, result.failed) == ([job.name], [], {})
