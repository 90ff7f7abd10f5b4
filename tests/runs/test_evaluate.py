import json
import math
import re
import shutil
import time

import arviz
import numpy as np
import pytest
import torch
import xarray as xr
from PIL import Image

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation import active_units, evaluation_mode, reconstruct
from pyro_seatbelt.locks import locked
from pyro_seatbelt.manifest import check_manifest, read_manifest
from pyro_seatbelt.runs import (
    EvaluateOptions,
    evaluate_run,
    evaluation_figures,
    load_run,
    measure,
    read_evaluation,
    train_run,
)
from pyro_seatbelt.runs import evaluate as evaluations
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.images import open_data
from pyro_seatbelt.training import TrainConfig


def replace(options, **changes):
    return options.model_copy(update=changes)


SMALL = EvaluateOptions(images=3, iwae_samples=5, noise_scales=(0.5,), device="cpu")
PLAIN = replace(SMALL, figures=False)


@pytest.fixture
def run(attackable, tmp_path):
    return shutil.copytree(attackable, tmp_path / "run")


@pytest.fixture(scope="module")
def sprites(tmp_path_factory):
    """A run of one layer on sprites, whose factors are known."""
    config = TrainConfig(
        dataset="synth-dsprites", ids=60, model="beta-tcvae", latent_dim=3, network="mlp",
        features=16, steps=2, batch_size=8, eval_images=4, device="cpu",
    )  # fmt: skip
    return train_run(config, out=tmp_path_factory.mktemp("sprites") / "run").folder


@pytest.fixture
def empty_figures(monkeypatch):
    """Drawing takes longer than a small evaluation."""
    for name in ("save_figure", "_save_frames"):
        monkeypatch.setattr(evaluation_figures, name, lambda figure, path: path.write_bytes(b""))


@pytest.mark.usefixtures("empty_figures")
def test_everything_is_kept_in_the_folder_of_the_run(run):
    stages = []
    report = evaluate_run(run, SMALL, progress=lambda *stage: stages.append(stage))
    found = report.evaluation
    assert report.folder == run / "evaluation"
    assert read_evaluation(run) == found
    assert (found.step, found.num_images, found.num_aggregate) == (4, 3, 4)
    assert found.fingerprint == load_run(run).record.fingerprint
    assert found.elbo == pytest.approx(found.log_likelihood - sum(found.kl.values()))
    assert found.iwae >= found.elbo
    assert found.iwae_samples == 5
    assert [level.scale for level in found.noise] == [0, 0.5]
    assert set(found.kl) == set(found.active_units) == {"z1", "z2"}
    assert found.disentanglement is None
    assert found.mig is None
    parts = (found.mutual_information, found.total_correlation, found.dimension_wise_kl)
    assert found.parts_of == "held-out images"
    assert sum(parts) == pytest.approx(found.kl["z2"], rel=1e-5)
    assert all(file.is_file() for file in report.files.values())
    assert {"numbers", "tree", "noise.png", "traversals-z2.gif"} < set(report.files)
    assert stages[-1] == ("figures", 5, 5)
    assert {stage for stage, *_ in stages} > {"bound", "importance", "noise", "reconstructions"}
    for stage in {stage for stage, *_ in stages}:
        last = [(done, total) for name, done, total, *_ in stages if name == stage][-1]
        assert last[0] == last[1]


def test_the_numbers_are_those_of_the_pair(run):
    found = evaluate_run(run, replace(PLAIN, images=9)).evaluation
    loaded = load_run(run)
    dataset, split = open_data(loaded.config)
    x = dataset.images.gather(split.heldout).float() / 255
    made = reconstruct(loaded.model, loaded.guide, x)
    assert found.num_images == 4
    assert found.mse == pytest.approx((made - x).square().mean().item())
    assert found.l2 == pytest.approx((made - x).flatten(1).norm(dim=1).mean().item(), rel=1e-5)
    assert found.active_units == active_units(loaded.guide, x)
    last = [each for each in RunFolder(run).read_metrics() if each["kind"] == "heldout"][-1]
    more_draws = 0.1 * abs(found.total_correlation) + 0.1
    assert found.total_correlation == pytest.approx(last["total_correlation"], abs=more_draws)
    assert last["num_images"] == found.num_images
    weights = [p for p in loaded.model.decoder.parameters() if p.ndim == 2]
    norm = torch.cat([p.flatten() for p in weights]).double().norm().item()
    assert found.weight_norm["decoder"] == pytest.approx(norm, rel=1e-5)
    weights = [
        p
        for module in (loaded.guide.encoder, loaded.guide.conditionals[0])
        for p in module.parameters()
        if p.ndim == 2
    ]
    norm = torch.cat([p.flatten() for p in weights]).double().norm().item()
    assert found.weight_norm["encoder"] == pytest.approx(norm, rel=1e-5)
    level = found.noise[1]
    assert level.quantiles == sorted(level.quantiles)
    assert level.quantiles[0] < level.log_likelihood < level.quantiles[-1]


def test_convolutions_are_folded_while_they_are_measured(make_attackable):
    """Normalisation is folded into them for speed: the numbers are those of the pair as it is."""
    run = make_attackable(network="conv", layers=1, steps=2)
    found = evaluate_run(run, PLAIN).evaluation
    loaded = load_run(run)
    dataset, split = open_data(loaded.config)
    with xr.open_datatree(run / "evaluation" / "evaluation.nc", engine="h5netcdf") as tree:
        which = torch.tensor(tree["images"]["image"].to_numpy().tolist())
    assert set(which.tolist()) <= set(split.heldout.tolist())
    x = dataset.images.gather(which).float() / 255
    made = reconstruct(loaded.model, loaded.guide, x)
    assert found.mse == pytest.approx((made - x).square().mean().item(), rel=1e-4)
    weights = [p for p in loaded.model.decoder.parameters() if p.ndim > 1]
    norm = torch.cat([p.flatten() for p in weights]).double().norm().item()
    assert found.weight_norm["decoder"] == pytest.approx(norm)


@pytest.mark.usefixtures("empty_figures")
def test_a_finished_evaluation_is_read(run, monkeypatch):
    first = evaluate_run(run, SMALL)
    files = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    with monkeypatch.context() as patch:
        patch.setattr(evaluations, "measure", lambda *args: pytest.fail("it ran again"))
        for options in (SMALL, PLAIN, replace(SMALL, aggregate_images=100)):
            again = evaluate_run(run, options)
            assert again.was_finished
            assert again.evaluation == first.evaluation
        assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == files
        first.files["noise.png"].unlink()
        assert evaluate_run(run, SMALL).files["noise.png"].is_file()
    forced = evaluate_run(run, replace(PLAIN, force=True))
    assert not forced.was_finished
    assert forced.evaluation == first.evaluation
    assert not list((first.folder / "figures").iterdir())  # they were of the earlier numbers


@pytest.mark.parametrize(
    "changes",
    [
        {"images": 2},
        {"aggregate_images": 3},
        {"iwae_samples": 6},
        {"noise_scales": (0.5, 1.0)},
        {"seed": 1},
    ],
)
def test_other_settings_take_its_place(changes, run):
    first = evaluate_run(run, PLAIN)
    other = evaluate_run(run, replace(PLAIN, **changes))
    assert not other.was_finished
    assert other.evaluation != first.evaluation
    assert read_evaluation(run) == other.evaluation


def test_float64_is_a_reference_for_rounding(run):
    single = evaluate_run(run, PLAIN).evaluation
    double = evaluate_run(run, replace(PLAIN, precision="float64")).evaluation
    assert (single.precision, double.precision) == ("float32", "float64")
    # through posterior means nothing is drawn
    assert 0 < abs(double.mse - single.mse) < 1e-6 * single.mse
    assert double.elbo == pytest.approx(single.elbo, rel=0.05)  # other draws
    again = evaluate_run(run, PLAIN).evaluation
    assert again == single
    assert "precision" not in PLAIN.model_dump()  # so that older sweeps know their evaluations


def test_a_run_that_went_on_is_evaluated_again(run):
    from pyro_seatbelt.runs import resume_run

    evaluate_run(run, PLAIN)
    resume_run(run, {"steps": 5})
    report = evaluate_run(run, PLAIN)
    assert not report.was_finished
    assert report.evaluation.step == 5


def test_known_factors_are_scored_layer_by_layer(sprites):
    found = evaluate_run(sprites, PLAIN).evaluation
    assert set(found.disentanglement) == {
        *("mig", "dci_disentanglement", "dci_completeness", "dci_informativeness", "sap"),
    }
    assert all(0 <= score <= 1 for score in found.disentanglement.values())
    assert found.mig == {"z1": found.disentanglement["mig"]}
    assert found.num_aggregate == 54


def test_the_number_of_a_thing_is_no_factor(workplace):
    config = TrainConfig(ids=2, holdout=0.5, layers=2, latent_dim=2, network="mlp", hidden=8,
                         features=16, steps=1, batch_size=4, eval_images=4,
                         device="cpu")  # fmt: skip
    run = train_run(config, out=workplace / "run").folder
    found = evaluate_run(run, PLAIN).evaluation
    # one chair is left to train on: where it is seen from varies, what it is does not
    assert set(found.mig) == {"z1", "z2"}


def test_colours_and_other_guides(make_attackable):
    run = make_attackable(channels=3, steps=1, model="dlgm", layers=3, guide="top-down")
    report = evaluate_run(run, SMALL)
    assert set(report.evaluation.kl) == {"z1", "z2", "z3"}
    with Image.open(report.files["traversals-z3.gif"]) as picture:
        assert picture.n_frames > 10
        assert picture.convert("RGB").getextrema()[0] != (0, 0)


def test_what_is_known_of_single_images_is_a_tree_for_arviz(run):
    report = evaluate_run(run, PLAIN)
    loaded = load_run(run)
    with xr.open_datatree(report.files["tree"], engine="h5netcdf") as opened:
        tree = opened.load()
    noise = tree["noise"]["log_likelihood"]
    assert noise.dims == ("scale", "image")
    assert noise["scale"].values.tolist() == [0, 0.5]
    for level in report.evaluation.noise:
        assert noise.sel(scale=level.scale).mean().item() == pytest.approx(level.log_likelihood)
    images = tree["images"]
    for name in ("elbo", "log_likelihood", "mse", "l2", "ms_ssim"):
        mean = images[name].mean().item()
        assert mean == pytest.approx(getattr(report.evaluation, name), rel=1e-6)
    posterior = tree["posterior"]
    assert posterior["z2"].dims == ("chain", "draw", "image", "z2_dim")
    image = int(posterior["image"][0])
    split = open_data(loaded.config)[1]
    assert image in split.heldout.tolist()
    pixels = torch.from_numpy(tree["observed_data"]["x"].sel(image=[image]).to_numpy())
    with evaluation_mode(loaded.model, loaded.guide):
        z = [
            torch.from_numpy(posterior[name].sel(image=image, draw=3).to_numpy())
            for name in ("z1", "z2")
        ]
        fn = loaded.model.likelihood(loaded.model.decoder(torch.cat(z, -1)))
    expected = fn.log_prob(pixels).item()
    assert tree["log_likelihood"]["x"].sel(image=image, draw=3).item() == pytest.approx(
        expected, rel=1e-5
    )
    summary = arviz.summary(tree, var_names=["z2"], kind="stats")
    assert len(summary) == 3 * 2
    weights = tree["sample_stats"]["log_weight"]
    assert np.isfinite(weights.to_numpy()).all()


def test_numbers_are_plain_json(run):
    content = (evaluate_run(run, PLAIN).files["numbers"]).read_text()

    def refuse(word):
        raise AssertionError(word)

    assert json.loads(content, parse_constant=refuse)["step"] == 4


def test_numbers_that_are_not_finite_are_no_evaluation(run, monkeypatch):
    first = evaluate_run(run, PLAIN)
    with monkeypatch.context() as patch:
        patch.setattr(measure, "_weight_norm", lambda run: {"encoder": math.nan})
        with pytest.raises(InputError, match="cannot be evaluated, not finite: weight_norm"):
            evaluate_run(run, replace(PLAIN, seed=9))
    assert read_evaluation(run) == first.evaluation


def test_runs_that_cannot_be_evaluated(run, without_manifests):
    folder = RunFolder(run)
    with folder.locked():
        folder.write_record(folder.read_record().model_copy(update={"status": "running"}))
        with pytest.raises(InputError, match="the run is still being trained"):
            evaluate_run(run, SMALL)
    folder.write_record(folder.read_record().model_copy(update={"status": "finished"}))
    config = json.loads((without_manifests(run) / "config.json").read_text())
    pictures = shutil.copytree(config["data_dir"], run.parent / "others")
    Image.new("L", (64, 64)).save(pictures / "0.png")
    (run / "config.json").write_text(json.dumps(config | {"data_dir": str(pictures)}))
    with pytest.raises(InputError, match="the run was trained on other data than folder holds now"):
        evaluate_run(run, SMALL)
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(InputError, match="the run has no checkpoint yet"):
        evaluate_run(run, SMALL)
    assert not (run / "evaluation").exists()


def test_one_process_at_a_time(run, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    (run / "evaluation").mkdir()
    with (
        locked(run / "evaluation", "busy"),
        pytest.raises(InputError, match="another process is evaluating this run"),
    ):
        evaluate_run(run, PLAIN)


@pytest.mark.usefixtures("empty_figures")
def test_damaged_files_are_said_so(run):
    report = evaluate_run(run, SMALL)
    report.files["tree"].write_bytes(b"no tree")
    report.files["noise.png"].unlink()
    with pytest.raises(InputError, match=r"evaluation\.nc: the file is damaged"):
        evaluate_run(run, SMALL)
    report.files["numbers"].write_text('{"step": 4}')
    with pytest.raises(InputError, match=r"evaluation\.json: the file is damaged"):
        read_evaluation(run)
    assert evaluate_run(run, replace(PLAIN, force=True)).evaluation == report.evaluation


@pytest.mark.usefixtures("empty_figures")
def test_changed_files_are_refused(run):
    report = evaluate_run(run, SMALL)
    assert not check_manifest(report.folder)
    assert len(read_manifest(report.folder)) == len(report.files)
    tree = report.files["tree"].read_bytes()
    report.files["tree"].write_bytes(tree[:-1] + b"?")
    with pytest.raises(InputError, match=r"evaluation\.nc: the file is damaged: evaluate again by"):
        evaluate_run(run, SMALL)
    report.files["tree"].write_bytes(tree)
    report.files["noise.png"].write_bytes(b"another")
    assert evaluate_run(run, SMALL).was_finished
    assert not check_manifest(report.folder)
    numbers = report.files["numbers"]
    numbers.write_text(re.sub(r'"elbo": (-?)', r'"elbo": \g<1>1', numbers.read_text()))
    with pytest.raises(InputError, match=r"evaluation\.json: the file is damaged: its SHA-256 is"):
        read_evaluation(run)


def test_an_evaluation_of_a_newer_version_is_refused(run):
    numbers = evaluate_run(run, PLAIN).files["numbers"]
    (numbers.parent / "manifest.json").unlink()
    numbers.write_text(json.dumps({**json.loads(numbers.read_text()), "format": 2}))
    with pytest.raises(InputError, match=r"evaluation\.json: it has format 2, and this version"):
        read_evaluation(run)


def test_no_evaluation_is_none(run):
    assert read_evaluation(run) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 1}, "images: expected >= 2, got 1"),
        ({"aggregate_images": 0}, "aggregate_images: expected >= 2, got 0"),
        ({"iwae_samples": 0}, "iwae_samples: expected >= 1, got 0"),
        ({"noise_scales": (-0.1,)}, "expected finite noise scales >= 0, got -0.1"),
        ({"noise_scales": (math.nan,)}, "expected finite noise scales >= 0, got nan"),
        ({"seed": -1}, "seed: expected >= 0 and below 2\\^63, got -1"),
    ],
)
def test_options_are_checked(changes, message):
    with pytest.raises(InputError, match=message):
        EvaluateOptions(**changes)
