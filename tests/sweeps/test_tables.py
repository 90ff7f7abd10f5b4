import json
import shutil

import numpy as np
import pandas as pd
import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import AttackOptions, attack_run
from pyro_seatbelt.runs.evaluation import Evaluation
from pyro_seatbelt.sweeps import attack_table, run_table
from pyro_seatbelt.sweeps.tables import write_tables

NUMBERS = {
    "step": 4,
    "seed": 7,
    "num_images": 4,
    "num_aggregate": 4,
    "parts_of": "held-out images",
    "versions": {"torch": "2"},
    "fingerprint": "ab",
    "elbo": -3.0,
    "iwae": -2.0,
    "iwae_samples": 2,
    "log_likelihood": -1.0,
    "kl": {"z1": 0.5, "z2": 0.25},
    "mutual_information": 0.1,
    "total_correlation": 0.2,
    "dimension_wise_kl": 0.3,
    "active_units": {"z1": 2, "z2": 0},
    "mse": 0.01,
    "ms_ssim": 0.9,
    "l2": 1.5,
    "weight_norm": {"encoder": 3.0, "decoder": 4.0},
    "noise": [
        {"scale": scale, "log_likelihood": -scale, "std": 1.0, "quantiles": [0.0] * 5}
        for scale in (0.0, 0.1)
    ],
    "disentanglement": {"mig": 0.4, "sap": 0.5},
    "mig": {"z1": 0.6, "z2": 0.4},
}


def evaluated(run, **changes):
    (run / "evaluation").mkdir(exist_ok=True)
    numbers = Evaluation(**{**NUMBERS, **changes})
    (run / "evaluation" / "evaluation.json").write_text(numbers.model_dump_json())


@pytest.fixture
def sweep(attackable, without_manifests, tmp_path):
    """Two finished runs, one of them evaluated."""
    for name in ("b", "a"):
        without_manifests(shutil.copytree(attackable, tmp_path / "sweep" / "runs" / name))
    evaluated(tmp_path / "sweep" / "runs" / "a")
    return tmp_path / "sweep"


def test_a_row_for_each_run_with_every_number(sweep):
    table = run_table(sweep)
    assert table["run"].tolist() == ["a", "b"]
    first, second = table.to_dict("records")
    expected = {
        "dataset": "folder",
        "model": "seatbelt",
        "layers": 2,
        "latent_dim": 2,
        "beta": 6.0,
        "seed": 0,  # of the run
        "evaluation_seed": 7,
        "steps": 4,
        "elbo": -3.0,
        "kl.z2": 0.25,
        "active_units.z1": 2,
        "weight_norm.decoder": 4.0,
        "noise.0": 0.0,
        "noise.0.1": -0.1,
        "noise_std.0.1": 1.0,
        "disentanglement.sap": 0.5,
        "mig.z1": 0.6,
    }
    assert {name: first[name] for name in expected} == expected
    assert "versions" not in table
    assert np.isnan(second["elbo"])


def test_an_evaluation_of_another_checkpoint_is_left_out(sweep):
    evaluated(sweep / "runs" / "a", step=3)
    assert "elbo" not in run_table(sweep)


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_unfinished_runs_are_left_out(status, sweep):
    path = sweep / "runs" / "b" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": status}))
    (sweep / "runs" / "c").mkdir()  # it never began
    assert run_table(sweep)["run"].tolist() == ["a"]


@pytest.mark.usefixtures("blank_figures")
def test_a_row_for_each_problem_of_every_attack(sweep):
    options = AttackOptions(
        modes=("latent", "output"), pairs=2, weights=(0.0, 1.0), max_iterations=2, device="cpu"
    )
    reports = attack_run(sweep / "runs" / "b", options)
    table = attack_table(sweep)
    assert len(table) == 8
    assert set(table["run"]) == {"b"}
    assert table["mode"].tolist() == ["latent"] * 4 + ["output"] * 4
    assert table["attack"].unique().tolist() == [report.folder.name for report in reports]
    assert table["layers_attacked"].unique().tolist() == ["z1+z2"]
    assert table["layers"].unique().tolist() == [2]
    assert table["weight"].tolist() == [0.0, 1.0] * 4
    own = pd.concat([pd.read_parquet(report.files["table"]) for report in reports])
    for column in ("pair", "value", "distance", "target_nll", "l2_target", "l2_clean", "norm"):
        assert table[column].tolist() == own[column].tolist()
    files = write_tables(sweep)
    assert len(pd.read_parquet(files["attacks"])) == 8
    assert pd.read_csv(files["csv"])["kl.z1"].tolist()[0] == 0.5


def test_without_runs_there_are_no_rows(tmp_path):
    files = write_tables(tmp_path)
    assert len(pd.read_parquet(files["runs"])) == len(pd.read_parquet(files["attacks"])) == 0
    assert "model" in run_table(tmp_path)


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        ("table.parquet", r"table\.parquet: the file is absent or damaged"),
        ("arguments.json", r"arguments\.json: the file is damaged"),
    ],
)
def test_a_damaged_file_is_named(damaged, message, sweep):
    folder = sweep / "runs" / "a" / "attacks" / "latent-all-0"
    folder.mkdir(parents=True)
    (folder / "arguments.json").write_text(json.dumps({"arguments": {}, "step": 4, "source": {}}))
    (folder / "table.parquet").write_bytes(b"PAR1")
    (folder / damaged).write_bytes(b"PAR1")
    with pytest.raises(InputError, match=message):
        attack_table(sweep)


@pytest.mark.usefixtures("blank_figures")
def test_attacks_with_and_without_targets_are_in_one_table(sweep):
    plain = {"pairs": 1, "max_iterations": 1, "device": "cpu"}
    attack_run(sweep / "runs" / "b", AttackOptions(weights=(0.0,), **plain))
    attack_run(sweep / "runs" / "b", AttackOptions(untargeted=True, budget=0.1, **plain))
    write_tables(sweep)
    table = pd.read_parquet(sweep / "tables" / "attacks.parquet").sort_values("targeted")
    assert table["targeted"].tolist() == [False, True]
    assert table["failed"].tolist() == [False, False]
    assert table["value_at_target"].isna().tolist() == [True, False]


@pytest.mark.usefixtures("blank_figures")
def test_attacks_on_earlier_checkpoints_are_left_out(sweep, without_manifests):
    options = AttackOptions(pairs=2, weights=(1.0,), max_iterations=1, device="cpu")
    [report] = attack_run(sweep / "runs" / "a", options)
    assert attack_table(sweep)["images"].tolist() == ["heldout"] * 2
    path = without_manifests(report.folder) / "arguments.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"step": 3}))
    assert len(attack_table(sweep)) == 0
