import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

import pyro_seatbelt
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically
from pyro_seatbelt.manifest import read_manifest
from pyro_seatbelt.runs import fitting, list_runs, load_run, resume_run, train_run
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.unfinished import is_unfinished
from pyro_seatbelt.training import TrainConfig, TrainingDiverged
from pyro_seatbelt.training.config import read_config
from pyro_seatbelt.training.metrics import read_metrics


def weights_of(folder, step):
    return load_file(folder / "checkpoints" / f"step-{step:08d}" / "weights.safetensors")


def timeless(folder):
    records = read_metrics(folder / "metrics.jsonl")
    return [{k: v for k, v in each.items() if k != "images_per_second"} for each in records]


def assert_same_run(one, other, step):
    first, second = weights_of(one, step), weights_of(other, step)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert timeless(one) == timeless(other)


class StopAt:
    def __init__(self, step):
        self.at = step

    def __call__(self, stage, step, total, numbers=None):
        if stage == "training" and step == self.at:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def keep(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def whole(keep, make_config):
    """A run that nobody disturbed, trained once."""
    folder = keep / "whole"
    if not folder.exists():
        train_run(make_config(), out=folder)
    return folder


def test_everything_is_in_the_folder(whole):
    names = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    assert names == {
        "config.json",
        "run.json",
        "metrics.jsonl",
        "manifest.json",
        "figures/curves.png",
        "figures/reconstructions.png",
        *(
            f"checkpoints/step-{step:08d}/{name}"
            for step in (2, 4)
            for name in (
                "meta.json",
                "optimizer.safetensors",
                "state.json",
                "weights.safetensors",
            )
        ),
    }
    assert read_manifest(whole).keys() == {each for each in names if "/step-" not in each} - {
        "manifest.json"
    }
    record = RunFolder(whole).read_record()
    assert record.status == "finished"
    assert record.synthetic
    assert (record.num_train, record.num_heldout) == (62, 62)
    assert torch.__version__.startswith(record.versions["torch"])
    assert record.finished >= record.started


def test_the_config_can_be_fed_back(whole, tmp_path):
    config = TrainConfig(**read_config(whole / "config.json"))
    assert (config.layers, config.beta) == (2, 6.0)
    again = train_run(config, out=tmp_path / "again")
    assert TrainConfig(**read_config(again.folder / "config.json")) == config
    assert_same_run(whole, again.folder, 4)


def test_a_run_is_rebuilt_from_its_folder(whole):
    run = pyro_seatbelt.load_run(whole)
    assert run.step == 4
    assert not run.model.training
    assert not run.guide.training
    saved = weights_of(whole, 4)
    assert all(torch.equal(saved[f"model.{k}"], v) for k, v in run.model.state_dict().items())
    assert all(torch.equal(saved[f"guide.{k}"], v) for k, v in run.guide.state_dict().items())
    assert run.objective.beta == 6.0
    assert load_run(whole, step=2).step == 2
    with pytest.raises(InputError, match="the run has no checkpoint of step 3"):
        load_run(whole, step=3)


@pytest.mark.parametrize("stop", [1, 3])
def test_ctrl_c_and_resume_change_nothing(stop, whole, make_config, tmp_path):
    result = train_run(make_config(), out=tmp_path / "stopped", progress=StopAt(stop))
    assert (result.status, result.step, result.figures) == ("interrupted", stop, {})
    assert RunFolder(result.folder).read_record().status == "interrupted"
    again = resume_run(result.folder)
    assert (again.status, again.step, again.num_steps) == ("finished", 4, 4 - stop)
    assert again.figures.keys() == {"curves", "reconstructions"}
    assert_same_run(whole, again.folder, 4)


def test_kill_9_and_resume_change_nothing(make_config, tmp_path):
    config = make_config(steps=24, checkpoint_every=4, eval_every=10)
    (tmp_path / "config.json").write_text(config.to_json())
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "pyro_seatbelt.cli", "train", "--config", "config.json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "--out", str(killed)], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 600  # a loaded machine takes its time
    while not list(killed.glob("checkpoints/step-*4")) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    [summary] = list_runs(tmp_path)
    assert summary.status == "interrupted"
    assert 0 < summary.step < 24
    # by the command as well: in this process other tests may have left settings of torch
    for out in (killed, tmp_path / "undisturbed"):
        subprocess.run(
            [*command, "--out", str(out)], cwd=tmp_path, env=environment, check=True,
            capture_output=True,
        )  # fmt: skip
    assert_same_run(tmp_path / "undisturbed", killed, 24)


def test_a_run_whose_checkpoints_are_gone_does_not_start_over(make_config, tmp_path):
    result = train_run(make_config(checkpoint_every=1, log_every=1), out=tmp_path / "a")
    shutil.rmtree(result.folder / "checkpoints")
    before = (result.folder / "metrics.jsonl").read_bytes()
    with pytest.raises(InputError, match="came to step 4 and its checkpoints are gone: put them"):
        resume_run(result.folder)
    assert (result.folder / "metrics.jsonl").read_bytes() == before


def test_more_steps_extend_a_finished_run(whole, make_config, tmp_path):
    short = train_run(make_config(steps=2), out=tmp_path / "short")
    longer = resume_run(short.folder, {"steps": 4})
    assert longer.num_steps == 2
    first, second = weights_of(whole, 4), weights_of(longer.folder, 4)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert read_config(longer.folder / "config.json")["steps"] == 4


def test_an_extended_run_with_batch_normalisation_is_one_run(make_config, tmp_path):
    options = {"network": "conv", "log_every": 1, "eval_every": 100}
    train_run(make_config(steps=6, **options), out=tmp_path / "whole")
    train_run(make_config(steps=3, **options), out=tmp_path / "parts")
    resume_run(tmp_path / "parts", {"steps": 6})
    first, second = weights_of(tmp_path / "whole", 6), weights_of(tmp_path / "parts", 6)
    assert any("running_var" in name for name in first)
    assert all(torch.equal(first[name], second[name]) for name in first)
    whole, parts = (
        [each for each in timeless(tmp_path / name) if each["kind"] == "train"]
        for name in ("whole", "parts")
    )
    assert len(whole) == 6
    assert whole == parts


def test_a_finished_run_is_left_as_it_is(whole):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    result = resume_run(whole)
    assert (result.status, result.step, result.num_steps) == ("finished", 4, 0)
    assert result.figures.keys() == {"curves", "reconstructions"}
    assert result.heldout["num_images"] == 4
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*")} == before


def test_a_run_killed_before_its_figures_gets_them(whole, make_config, tmp_path, monkeypatch):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pyro_seatbelt.runs.figures.draw_figures", killed)
        with pytest.raises(KeyboardInterrupt):
            train_run(make_config(), out=tmp_path / "a")
    assert RunFolder(tmp_path / "a").read_record().status == "interrupted"
    result = resume_run(tmp_path / "a")
    assert result.status == "finished"
    assert_same_run(whole, tmp_path / "a", 4)
    for name, path in result.figures.items():
        assert path.read_bytes() == (whole / "figures" / f"{name}.png").read_bytes()


@pytest.mark.parametrize("moment", ["run.json", "config.json"])
def test_a_run_killed_as_it_began_can_be_started_again(moment, make_config, tmp_path, monkeypatch):
    def killed(path, content):
        if path.name == moment:
            path.with_name(f".{moment}.123.part").write_text("{")
            raise KeyboardInterrupt
        write_atomically(path, content)

    out = tmp_path / "a"
    with monkeypatch.context() as patch:
        patch.setattr("pyro_seatbelt.runs.folder.write_atomically", killed)
        with pytest.raises(KeyboardInterrupt):
            train_run(make_config(), out=out)
    with pytest.raises(InputError, match=r"expected the folder of a run, it has no config\.json"):
        resume_run(out)
    assert train_run(make_config(steps=1), out=out).status == "finished"
    assert not list(out.glob(".*"))


def test_a_run_killed_before_its_manifest_goes_on(make_config, tmp_path, monkeypatch):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    out = tmp_path / "a"
    with monkeypatch.context() as patch:
        patch.setattr("pyro_seatbelt.runs.folder.write_manifest", killed)
        with pytest.raises(KeyboardInterrupt):
            train_run(make_config(steps=1), out=out)
    assert resume_run(out).status == "finished"
    assert read_manifest(out).keys() >= {"run.json", "config.json", "metrics.jsonl"}


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spoil(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["run.json", "config.json", "metrics.jsonl"])
def test_a_changed_file_is_refused_and_the_run_left_as_it_was(name, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "a")
    (tmp_path / "a" / name).write_text((whole / name).read_text().replace("4", "5"))
    before = snapshot(tmp_path / "a")
    with pytest.raises(InputError, match=rf"{name}: the file is damaged: its SHA-256") as error:
        resume_run(tmp_path / "a", {"steps": 6})
    assert "\n" not in str(error.value)
    assert snapshot(tmp_path / "a") == before


def test_a_run_whose_metrics_are_damaged_stays_finished(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "a")
    (tmp_path / "a" / "manifest.json").unlink()
    (tmp_path / "a" / "metrics.jsonl").write_text("no record\n")
    before = snapshot(tmp_path / "a")
    with pytest.raises(InputError, match="line 1 is no JSON"):
        resume_run(tmp_path / "a", {"steps": 6})
    assert snapshot(tmp_path / "a") == before


def test_a_run_with_the_optimiser_of_another_is_left_as_it_was(whole, make_config, tmp_path):
    other = train_run(make_config(hidden=4), out=tmp_path / "other").folder
    shutil.copytree(whole, tmp_path / "a")
    place, theirs = (each / "checkpoints" / "step-00000004" for each in (tmp_path / "a", other))
    shutil.copy(theirs / "optimizer.safetensors", place)
    meta = json.loads((place / "meta.json").read_text())
    sums = json.loads((theirs / "meta.json").read_text())["sha256"]
    meta["sha256"]["optimizer.safetensors"] = sums["optimizer.safetensors"]
    (place / "meta.json").write_text(json.dumps(meta))
    before = snapshot(tmp_path / "a")
    with pytest.raises(InputError, match="state of another optimiser: exp_avg of parameter"):
        resume_run(tmp_path / "a", {"steps": 6})
    assert snapshot(tmp_path / "a") == before


def test_damaged_checkpoints_are_passed_over_aloud(whole, make_config, tmp_path, caplog):
    run = train_run(make_config(checkpoint_every=1), out=tmp_path / "a").folder
    places = [run / "checkpoints" / f"step-{step:08d}" for step in (3, 4)]
    spoil(places[0] / "weights.safetensors")
    spoil(places[1] / "optimizer.safetensors")
    with pytest.raises(InputError, match=r"resume the run to go on from step-00000002$"):
        load_run(run, step=3)
    result = resume_run(run)
    assert (result.status, result.step, result.num_steps) == ("finished", 4, 2)
    assert_same_run(whole, run, 4)
    warnings = [each.getMessage() for each in caplog.records]
    assert [f"{path}/" in line for path, line in zip(places[::-1], warnings, strict=True)]
    assert all(line.endswith("; going on from step 2") for line in warnings)
    damaged = RunFolder(run).read_record().damaged
    assert [f"{place.name}/" in line for place, line in zip(places[::-1], damaged, strict=True)]
    assert resume_run(run).num_steps == 0
    assert {path.name for path in (run / "checkpoints").iterdir()} == {
        *(f"step-{step:08d}" for step in (2, 3, 4)),
        *(f"damaged-step-{step:08d}" for step in (3, 4)),
    }


@pytest.mark.parametrize("name", ["run.json", "config.json", "manifest.json"])
def test_a_newer_format_is_refused_and_kept(name, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "a")
    if name != "manifest.json":
        (tmp_path / "a" / "manifest.json").unlink()
    path = tmp_path / "a" / name
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2, "novel": 1}))
    before = snapshot(tmp_path / "a")
    with pytest.raises(InputError, match=f"{name}: it has format 2, and this version reads"):
        resume_run(tmp_path / "a", {"steps": 6})
    assert snapshot(tmp_path / "a") == before


def test_a_run_killed_at_its_end_is_sealed_by_the_same_command(whole, tmp_path):
    run = shutil.copytree(whole, tmp_path / "a")
    config = RunFolder(run).read_config()
    before = snapshot(run)
    assert not is_unfinished(run, config)
    (run / "manifest.json").unlink()
    left = run / "checkpoints" / ".step-00000002.1.old.part"
    assert is_unfinished(run, config)
    assert resume_run(run).num_steps == 0
    assert snapshot(run) == before
    left.mkdir()  # of pruning
    resume_run(run, {"steps": 5})
    assert not left.exists()
    # earlier versions wrote no manifest, and no format
    (run / "manifest.json").unlink()
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({k: v for k, v in record.items() if k != "format"}))
    assert not is_unfinished(run, config)


def test_a_run_killed_before_its_first_checkpoint_starts_again(whole, make_config, tmp_path):
    result = train_run(make_config(), out=tmp_path / "a", progress=StopAt(1))
    [checkpoint] = (result.folder / "checkpoints").iterdir()
    for path in checkpoint.iterdir():
        path.unlink()
    checkpoint.rmdir()
    resume_run(result.folder)
    assert_same_run(whole, result.folder, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beta": 2}, r"beta: cannot change when a run is resumed: .* has 6\.0, got 2"),
        ({"seed": 3}, "seed: cannot change"),
        ({"steps": 3}, "steps: .* is at step 4 already, got 3: ask for more"),
        ({"steps": 0}, "steps: expected >= 1, got 0"),
        ({"nonsense": 0}, "unknown key 'nonsense'"),
    ],
)
def test_changes_that_would_make_another_run_are_refused(changes, message, whole):
    with pytest.raises(InputError, match=message):
        resume_run(whole, changes)


def test_other_data_are_refused(make_config, tmp_path, monkeypatch):
    result = train_run(make_config(), out=tmp_path / "a", progress=StopAt(1))
    folder = RunFolder(result.folder)
    record = folder.read_record()
    folder.write_record(record.model_copy(update={"fingerprint": "0" * 64}))
    with pytest.raises(InputError, match="trained on other data than synth-chairs holds now"):
        resume_run(result.folder)


def test_one_process_trains_a_run_at_a_time(make_config, tmp_path):
    def meddle(stage, step, total, numbers=None):
        if stage == "training":
            assert list_runs(tmp_path)[0].status == "running"
            with pytest.raises(InputError, match="another process is training this run"):
                resume_run(tmp_path / "a", {"steps": 9})

    train_run(make_config(steps=1), out=tmp_path / "a", progress=meddle)


def test_a_divergence_is_kept_in_the_record(make_config, tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise TrainingDiverged(3, "kl[z2]", None)

    monkeypatch.setattr(fitting, "fit", broken)
    with pytest.raises(TrainingDiverged):
        train_run(make_config(), out=tmp_path / "a")
    record = json.loads((tmp_path / "a" / "run.json").read_text())
    assert record["status"] == "failed"
    assert "kl[z2] is not finite" in record["error"]


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("vae", ("alpha", "beta", "gamma")),
        ("beta-vae", ("alpha", "beta", "gamma")),
        ("beta-tcvae", ("beta",)),
        ("seatbelt", ("beta",)),
        ("dlgm", ("alpha", "beta", "gamma")),
        ("factor-vae", ("beta",)),
        ("ladder-vae", ("alpha", "beta", "gamma", "lower")),
        ("biva", ("alpha", "beta", "gamma", "lower")),
    ],
)
def test_warm_up_raises_what_beta_multiplies(model, names):
    assert fitting.warmed_weights(TrainConfig(model=model)) == names


def test_flat_models_say_what_they_are(make_config, tmp_path):
    config = make_config(model="vae", layers=None, steps=1)
    result = train_run(config, out=tmp_path / "a")
    saved = TrainConfig(**read_config(result.folder / "config.json"))
    assert (saved.layers, saved.beta) == (1, 1.0)


def test_weights_of_the_objective_can_be_chosen(make_config, tmp_path):
    result = train_run(make_config(steps=1, alpha=2, gamma=3, beta=4), out=tmp_path / "a")
    assert load_run(result.folder).objective.alpha == 2
    assert load_run(result.folder).objective.gamma == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "vae", "layers": 3}, "vae has one latent layer, got layers=3"),
        ({"model": "vae", "beta": 4.0}, "vae has no beta"),
        ({"likelihood": "bernoulli", "likelihood_scale": 0.5}, "bernoulli likelihood has no scale"),
    ],
)
def test_a_contradiction_is_refused_before_any_data_are_drawn(
    workplace, monkeypatch, settings, message
):
    monkeypatch.setenv("SEATBELT_DATA", str(workplace / "empty"))
    with pytest.raises(InputError, match=message):
        train_run(TrainConfig(dataset="synth-faces", **settings))
    assert list(workplace.iterdir()) == []
