import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation import certificate
from pyro_seatbelt.runs import (
    AttackOptions,
    RobustnessOptions,
    attack_run,
    load_run,
    read_robustness,
    robustness_measure,
    robustness_of_run,
)
from pyro_seatbelt.runs import robustness as orchestration
from pyro_seatbelt.runs.records import AttackRecords
from pyro_seatbelt.runs.robustness_attacks import attack_options
from pyro_seatbelt.runs.robustness_comparison import plain, pool, write_comparison
from pyro_seatbelt.runs.robustness_numbers import of_run, read_table
from pyro_seatbelt.runs.verify import verify_run
from pyro_seatbelt.traces import coverage

SMALL = RobustnessOptions(
    pairs=2, penalties=3, max_iterations=3, norms=(0.5,), draws=3, images=4, device="cpu",
    processes=1, figures=False,
)  # fmt: skip


def changed(**values):
    return SMALL.model_copy(update=values)


@pytest.fixture(scope="module")
def measured(attackable, chairs, tmp_path_factory):
    """A run that has been measured, with the checks that cost more; tests take copies."""
    run = shutil.copytree(attackable, tmp_path_factory.mktemp("robust") / "run")
    with pytest.MonkeyPatch.context() as patch:
        # after four steps images hardly differ in their reconstructions
        patch.setattr(coverage, "LEAST_ROOM", 1e-9)
        patch.setattr(robustness_measure, "LEAST_ROOM", 1e-9)
        patch.setenv("SEATBELT_DATA", str(chairs))
        robustness_of_run(run, changed(health=True))
    return run


@pytest.fixture
def run(measured, tmp_path):
    return shutil.copytree(measured, tmp_path / "run")


def test_everything_is_kept_in_the_folder_of_the_run(run):
    found = read_robustness(run)
    pairs = pd.read_parquet(of_run(run).pairs)
    curves = pd.read_parquet(of_run(run).curves)
    assert (found.step, found.num_pairs, found.num_undefined) == (4, 2, 0)
    assert set(found.attacks) == {"latent", "w2", "output"}
    assert len(curves) == 2 * 101
    assert all(check.passed is not None for check in found.checks)
    assert len(found.checks) == 6
    assert found.elbo < 0 < found.mse
    assert ((pairs["r50"] > 0) & (pairs["r50"] <= pairs["r90"]) & (pairs["r90"] <= 1)).all()
    assert {"input_image", "target_image", "best_attack", "damage_0.5", "robust_0.5"} < set(pairs)


def test_the_best_of_the_attacks_alone_is_the_best_of_all(run):
    found, pairs = read_robustness(run), pd.read_parquet(of_run(run).pairs)
    alone = pairs[["r50_by_latent", "r50_by_w2", "r50_by_output", "r50_by_minimum"]]
    assert alone.min(axis=1).tolist() == pairs["r50"].tolist()
    assert {f"r50_by_{name}" for name in found.r50_by_attack} == set(alone)
    for row, best in enumerate(pairs["best_attack"]):
        if best is not None:
            assert pairs[f"r50_by_{best}"][row] == pairs["r50"][row] < 1


def test_the_least_distortion_is_looked_for_and_is_no_worse_than_the_blend(run):
    pairs = pd.read_parquet(of_run(run).pairs)
    assert (pairs["r50_by_minimum"] <= 1.02 * pairs["blend50"]).all()
    without = robustness_of_run(run, changed(minimum=False)).robustness
    assert without.r50_by_attack.keys() == {"latent", "w2", "output"}
    assert without.protocol["minimum"] is False


def test_attacks_can_average_over_draws_and_start_at_the_input_alone(attackable, tmp_path):
    run = shutil.copytree(attackable, tmp_path / "run")
    plain_ = robustness_of_run(run, changed(modes=("w2",))).robustness
    other = changed(modes=("w2",), samples=2, restarts=1, ends="input")
    found = robustness_of_run(run, other).robustness
    assert found.attacks["w2"] != plain_.attacks["w2"]
    arguments, _ = AttackRecords(run / "attacks" / found.attacks["w2"]).known()
    assert (arguments["samples"], arguments["restarts"]) == (2, 1)
    assert arguments.get("ends", "input") == "input"
    assert (found.protocol["samples"], found.protocol["ends"]) == (2, "input")
    assert not {"samples", "restarts", "ends", "transfer"} & set(plain_.protocol)


def test_what_moves_a_run_moves_its_copy_as_soon(run, tmp_path, monkeypatch):
    for place in (coverage, robustness_measure):
        monkeypatch.setattr(place, "LEAST_ROOM", 1e-9)
    copy = shutil.copytree(run, tmp_path / "copy")
    found = robustness_of_run(run, changed(transfer=copy)).robustness
    [check] = [check for check in found.checks if check.name == "transfer"]
    assert check.passed
    assert f"(median r50 here {found.r50.median:.2f})" in check.text
    assert found.protocol["transfer"] == "copy"


def test_a_run_with_other_pairs_lends_no_attacks(run, make_attackable):
    other = make_attackable(seed=1)
    with pytest.raises(InputError, match=r"its attacks are of other pairs than those of"):
        robustness_of_run(run, changed(transfer=other))


def test_runs_are_compared_pair_by_pair(run, tmp_path, without_manifests):
    without_manifests(run)
    other = shutil.copytree(run, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"steps": 5}))
    split = shutil.copytree(other, tmp_path / "split")
    (split / "config.json").write_text(json.dumps(config | {"steps": 6, "seed": 1}))
    first, same, apart = pool([robustness_of_run(each, SMALL) for each in (run, other, split)])
    assert first.gains == apart.gains == {}
    attacks = {"r50_by_latent", "r50_by_w2", "r50_by_output", "r50_by_minimum"}
    names = {"r50", "damage_0.5", *attacks}
    assert same.gains.keys() == names
    assert {(gain.low, gain.median, gain.high) for gain in same.gains.values()} == {(0, 0, 0)}


def test_a_finished_measurement_is_not_made_again(run, monkeypatch):
    def refuse(*args):
        raise AssertionError(args)

    with monkeypatch.context() as patch:
        patch.setattr(orchestration, "measure_robustness", refuse)
        patch.setattr(orchestration, "attacked", refuse)
        again = robustness_of_run(run, SMALL)  # it has more checks than are asked for
        assert again.was_finished
        assert again.robustness == read_robustness(run)
        with pytest.raises(AssertionError):
            robustness_of_run(run, changed(draws=4))
        with pytest.raises(AssertionError):
            robustness_of_run(run, changed(force=True))


def test_attacks_that_suffice_are_used_and_others_are_made(attackable, tmp_path):
    run = shutil.copytree(attackable, tmp_path / "run")
    more = attack_options(changed(pairs=2, penalties=4), ["w2"])
    [enough] = attack_run(run, more)
    too_few = AttackOptions(
        modes=["latent"], pairs=1, weights=(0.0,), max_iterations=3, device="cpu", figures=False
    )
    [small] = attack_run(run, too_few)
    report = robustness_of_run(run, changed(modes=("latent", "w2")))
    assert report.robustness.attacks["w2"] == enough.folder.name
    assert report.robustness.attacks["latent"] != small.folder.name
    assert len(list((run / "attacks").iterdir())) == 3


def test_a_decoder_that_has_collapsed_is_undefined_and_not_robust(run, tmp_path, monkeypatch):
    def load_collapsed(path, device):
        loaded = load_run(path, device=device)
        with torch.no_grad():
            for parameter in loaded.model.decoder.parameters():
                parameter.zero_()
        return loaded

    monkeypatch.setattr(orchestration, "load_idle_run", load_collapsed)
    report = robustness_of_run(run, changed(force=True))
    found = report.robustness
    assert found.num_undefined == found.num_pairs == 2
    assert found.r50.median is None
    assert found.damage[0].robust_at_mean is None
    assert "NaN" not in report.files["numbers"].read_text()
    assert all(check.passed is not False for check in found.checks[:3])
    files = write_comparison(pool([report]), tmp_path / "out")
    assert "quality" not in files
    assert files["covered"].is_file()


def test_runs_that_differ_in_their_seed_are_pooled(run, tmp_path, without_manifests):
    without_manifests(run)
    other = shutil.copytree(run, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"seed": 1}))
    third = shutil.copytree(run, tmp_path / "third")
    (third / "config.json").write_text(json.dumps(config | {"steps": 5}))
    reports = [robustness_of_run(each, SMALL) for each in (run, other, third)]
    models = pool(reports)
    assert [len(model.runs) for model in models] == [2, 1]
    assert [model.name for model in models][1].endswith("(third)")
    one, two = models[1].medians["r50"], models[0].medians["r50"]
    assert two.num == 2 * one.num == 4
    assert two.median == one.median
    files = write_comparison(models, tmp_path / "out", figures=False)
    content = json.loads(files["numbers"].read_text())
    assert content["models"][0] == json.loads(json.dumps(plain(models[0])))
    table = pd.read_parquet(files["pairs"])
    assert table["run"].tolist() == ["run"] * 2 + ["other"] * 2 + ["third"] * 2


def test_a_damaged_file_is_one_line(run):
    of_run(run).numbers.write_text("{")
    with pytest.raises(
        InputError,
        match=r"robustness\.json: the file is damaged: .*; remove .*robustness and measure again",
    ):
        robustness_of_run(run, SMALL)


def test_weights_and_curves_are_what_they_say(run):
    assert RobustnessOptions().weights[1] == 2.0**-6
    assert RobustnessOptions().weights[-1] == 2.0**10
    assert len(RobustnessOptions().weights) == 12
    curves = orchestration.covered_curves(of_run(run), "a name")
    assert curves.covered.shape == curves.blend.shape == (2, 101)
    assert (np.diff(curves.covered, axis=1) >= 0).all()
    assert load_run(run).step == 4


@pytest.mark.parametrize("name", ["pairs.parquet", "curves.parquet", "robustness.json"])
def test_a_number_that_was_changed_is_seen(name, run):
    path = of_run(run).path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    states = {each.folder.name: each.state for each in verify_run(run)}
    assert states["robustness"] == "damaged"
    read = read_robustness if name == "robustness.json" else lambda _: read_table(path)
    with pytest.raises(InputError, match="damaged"):
        read(run)


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("pairs", lambda table: table.assign(r50="word"), "no numbers in r50"),
        ("pairs", lambda table: table.drop(columns="noise50"), "no numbers in noise50"),
        ("curves", lambda table: table.drop(columns="blend"), "no numbers in blend"),
        ("curves", lambda table: table[:0], "no rows"),
    ],
)
def test_tables_that_a_stranger_made_are_refused(name, change, problem, run, without_manifests):
    path = of_run(without_manifests(run)).path / f"{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path)
    with pytest.raises(InputError, match=f"{name}.parquet: the file is damaged: it has {problem}"):
        read_table(path)


def test_networks_with_a_bound_have_a_certificate(make_attackable, monkeypatch):
    for place in (coverage, robustness_measure, certificate):
        monkeypatch.setattr(place, "LEAST_ROOM", 1e-9)
    run = make_attackable(
        model="vae", layers=1, network="lipschitz", lipschitz=2.0, features=8, steps=1
    )
    found = robustness_of_run(run, changed(modes=("output",))).robustness
    pairs = read_table(of_run(run).pairs)
    expected = 0.5 * pairs["l2_between_reconstructions"] / (2 * pairs["l2_input_to_target"])
    known = pairs["r50"].notna()
    assert known.all()
    assert pairs["certified50"][known].to_numpy() == pytest.approx(expected[known].to_numpy())
    assert "certificate" in {check.name for check in found.checks}
    assert not [check for check in found.failed if check.name == "certificate"]
    assert (found.certified50.num, found.certified90.num) == (known.sum(), known.sum())


def test_without_a_bound_there_is_none(run):
    found = read_robustness(run)
    assert found.certified50 is None
    assert "certified50" not in read_table(of_run(run).pairs)
