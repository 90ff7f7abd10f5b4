import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from pyro_seatbelt.report import report_runs
from pyro_seatbelt.report.byte_budget import ByteBudget
from pyro_seatbelt.report.contents import read_contents
from pyro_seatbelt.report.run import run_section

pytestmark = pytest.mark.usefixtures("workplace")


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty_table(path):
    pd.read_parquet(path).iloc[:0].to_parquet(path)


def words_for_numbers(path):
    pd.read_parquet(path).assign(norm="much").to_parquet(path)


def no_such_pair(path):
    table = pd.read_parquet(path)
    table.assign(pair=table["pair"] + 7).to_parquet(path)


def fewer_rows(path):
    pd.read_parquet(path).iloc[1:].to_parquet(path)


def no_curve(path):
    pd.read_parquet(path).drop(columns="l2_clean_to_target").to_parquet(path)


DAMAGE = {
    "half a table": ("attacks/latent-*/table.parquet", truncate, "absent or damaged"),
    "half the images": ("attacks/latent-*/images.safetensors", truncate, "absent or damaged"),
    "no pairs": ("attacks/latent-*/pairs.safetensors", Path.unlink, "absent or damaged"),
    "an empty table": ("attacks/latent-*/table.parquet", empty_table, "its table is empty"),
    "words": ("attacks/latent-*/table.parquet", words_for_numbers, "no numbers in norm"),
    "a pair that is not there": ("attacks/latent-*/table.parquet", no_such_pair, "not those of"),
    "too few rows": ("attacks/latent-*/table.parquet", fewer_rows, "not those of its table"),
    "half a curve": ("attacks/latent-*/table.parquet", no_curve, "no numbers in l2_clean_to"),
    "no table yet": ("attacks/latent-*/table.parquet", Path.unlink, "it is not finished"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_attack_is_a_note(case, run, words):
    pattern, harm, message = DAMAGE[case]
    [path] = run.glob(pattern)
    harm(path)
    text = words(report_runs([run]))
    [place] = run.glob("attacks/latent-*")
    assert "An attack cannot be read:" in text
    assert message in text
    assert place.name in text
    assert str(run) not in text.replace(f"seatbelt evaluate {run}", "")
    assert "Output attack" in text
    assert "Latent attack (KL)" not in text


def test_other_damaged_parts_are_notes(run, words):
    (run / "metrics.jsonl").write_text('{"step": 1}\n')
    (run / "evaluation" / "evaluation.json").write_text("{")
    truncate(run / "evaluation" / "figures" / "prior.png")
    [attack] = run.glob("attacks/output-*")
    (attack / "arguments.json").write_text("[]")
    text = words(report_runs([run]))
    assert "The metrics cannot be read: metrics.jsonl: line 1 is no record" in text
    assert "The evaluation cannot be read: evaluation/evaluation.json" in text
    assert "prior.png: the picture cannot be read" in text
    assert f"How an attack was made cannot be read: attacks/{attack.name}/arguments.json" in text
    assert "Output attack" in text


def test_numbers_that_are_none_are_left_out(run, words):
    lines = [
        {"step": 1, "kind": "train", "elbo": "<b>", "kl": {"z1": None, "z2": [1]}},
        {"step": 2, "kind": "heldout", "elbo": None, "kl": 3, "active_units": "many"},
        {"step": 10**400, "kind": "train", "elbo": 1.0},
        {"step": 3, "kind": "train", "elbo": 10**400},
    ]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    shutil.rmtree(run / "evaluation")
    assert "There are no metrics yet." in words(report_runs([run]))


def test_an_evaluation_of_an_earlier_step_is_left_out(run, words, train_on):
    train_on(run, 8)
    text = words(report_runs([run]))
    assert (
        "The evaluation is of step 4, the run is at step 8: it is left out until "
        f"`seatbelt evaluate {run}` makes it again." in text
    )
    assert "held-out ELBO \u2212777" in text
    assert "at step 8 of training" in text
    assert "made at step 4 the run is at step 8" in text
    for each in ("\u22121234", "0.03210", "mutual information gap", "Traversals"):
        assert each not in text, each
    [reconstructions] = run_section(read_contents(run), ByteBudget(10**7)).galleries
    assert reconstructions.title == "Reconstructions"


def test_a_run_that_lost_its_checkpoints_is_at_its_end(run, train_on, evaluation):
    shutil.rmtree(run / "checkpoints")
    assert read_contents(run).evaluation is not None
    (run / "checkpoints").mkdir()
    train_on(run, 8)
    shutil.rmtree(run / "checkpoints")
    assert read_contents(run).outdated == 4
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"status": "failed"}))
    contents = read_contents(run)
    assert (contents.newest, contents.outdated) == (None, None)
    assert contents.evaluation == evaluation
