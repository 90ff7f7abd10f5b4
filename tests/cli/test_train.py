import errno
import json
import os
import pathlib
import resource
import signal

import pytest

from pyro_seatbelt.cli.progress import ProgressBar
from pyro_seatbelt.runs import train as trained
from pyro_seatbelt.training import TrainingDiverged
from pyro_seatbelt.training.config import TrainConfig, read_config


def test_a_run_says_where_everything_is(seatbelt, workplace):
    result = seatbelt("train", "small", "--out", "here")
    assert result.exit_code == 0, result.output
    lines = dict(line.split("  ", 1) for line in result.stdout.splitlines())
    assert lines["run"].strip() == "here"
    assert (workplace / lines["reconstructions"].strip()).is_file()
    assert "nats per image (4 images)" in lines["held-out ELBO"]
    assert lines["active units"].strip().startswith("z1 ")
    assert result.stderr.startswith("step 1/2  ELBO ")


@pytest.mark.parametrize(("counts", "warned"), [({"z1": 9, "z2": 0}, True), ({"z1": 9}, False)])
def test_a_collapsed_layer_is_pointed_out(counts, warned, seatbelt, workplace, monkeypatch):
    heldout = {"elbo": -1.0, "num_images": 4, "active_units": counts}
    result = trained.RunResult(workplace, "finished", 2, 2, {}, heldout)
    monkeypatch.setattr(trained, "train_run", lambda *args, **options: result)
    ended = seatbelt("train", "small")
    assert ended.exit_code == 0
    assert ("no unit is active in z2: " in ended.stderr) == warned


def test_json_is_all_there_is_on_standard_output(seatbelt, workplace):
    result = seatbelt("train", "small", "--json")
    answer = json.loads(result.stdout)
    assert answer["status"] == "finished"
    assert answer["step"] == 2
    assert answer["heldout"]["num_images"] == 4
    assert (workplace / answer["figures"]["curves"]).is_file()
    assert json.loads(seatbelt("runs", "--json").stdout)[0]["folder"] == answer["folder"]


def test_a_saved_config_makes_the_same_run(seatbelt, workplace):
    assert seatbelt("train", "small", "--out", "a").exit_code == 0
    result = seatbelt("train", "--config", "a/config.json", "--out", "b")
    assert result.exit_code == 0, result.output
    one, two = (TrainConfig(**read_config(workplace / each / "config.json")) for each in "ab")
    assert one == two
    weights = "checkpoints/step-00000002/weights.safetensors"
    assert (workplace / "a" / weights).read_bytes() == (workplace / "b" / weights).read_bytes()


def test_ctrl_c_says_how_to_go_on(seatbelt, workplace, monkeypatch):
    def stop(self, stage, step, total, numbers=None):
        if stage == "training" and step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "__call__", stop)
        result = seatbelt("train", "small", "--out", "here")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "stopped; to go on: seatbelt train --resume here"
    assert "| interrupted" in seatbelt("runs", ".").stdout.replace("  ", " | ").replace("| |", "|")
    result = seatbelt("train", "--resume", "here")
    assert result.exit_code == 0, result.output
    assert "reconstructions" in result.stdout


def test_the_newest_run_is_resumed(seatbelt):
    seatbelt("train", "small")
    result = seatbelt("train", "--resume")
    assert result.exit_code == 0
    assert "finished at step 2 already; more --steps go on with it" in result.stderr
    result = seatbelt("train", "--resume", "--steps", 3)
    assert "steps            3" in result.stdout


def test_ctrl_c_elsewhere_is_status_1(seatbelt, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(trained, "train_run", interrupted)
    result = seatbelt("train", "small")
    assert result.exit_code == 1


def test_a_divergence_is_one_line_and_status_1(seatbelt, monkeypatch):
    def diverged(*args, **kwargs):
        raise TrainingDiverged(3, "kl[z2]", None)

    monkeypatch.setattr(trained, "train_run", diverged)
    result = seatbelt("train", "small")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: training diverged at step 3: kl[z2] is not finite")


BAD_INPUT = {
    "an unknown data set": (["small", "--dataset", "sofas"], "sofas"),
    "a negative beta": (["small", "--beta", -1], "beta: expected >= 0, got -1"),
    "no layers": (["small", "--layers", 0], "layers: expected >= 1, got 0"),
    "no latent dimensions": (["small", "--latent-dim", 0], "latent_dim: expected >= 1, got 0"),
    "a config that is not there": (["--config", "no.toml"], "no.toml: the config cannot be read"),
    "a config that is no TOML": (["--config", "bad.toml"], "bad.toml: not a valid .toml file"),
    "a config with an unknown key": (["--config", "typo.toml"], "unknown key 'btea': did you mean"),
    "a corrupt image": (["tiny", "--dataset", "folder", "--data-dir", "corrupt"], "b.png"),
    "an empty folder": (["tiny", "--dataset", "folder", "--data-dir", "empty"], "/empty"),
    "a path too long": (["small", "--out", "a" * 300], "cannot write: File name too long"),
    "an impossible path": (["small", "--out", "file/run"], "file/run: cannot write: Not a dir"),
    "a run already there": (["small", "--out", "run"], "run: there is a run here already"),
    "a folder in use": (["small", "--out", "other"], "other: expected an absent or empty folder"),
    "an absent device": (["small", "--device", "cuda:99"], "device: cuda:99 is not there"),
    "a contradiction": (["small", "--model", "vae"], "vae has one latent layer"),
    "a batch of more than all": (["small", "--batch-size", 999], "at most the 62 training images"),
    "a batch of more than the set": (
        ["tiny", "--dataset", "synth-chairs", "--batch-size", 99999],
        "at most the 86366 images of synth-chairs",
    ),
    "an absent archive": (["tiny", "--dataset", "chairs"], "seatbelt data import chairs"),
    "a run without --resume": (["small", "run"], "got run without --resume"),
    "a corrupt checkpoint": (
        ["--resume", "broken", "--steps", 9],
        "the file is damaged: its SHA-256 is not the one in meta.json; no earlier one is good",
    ),
    "no run to resume": (["--resume", "empty"], "empty: expected the folder of a run"),
    "a config to resume": (["--resume", "run", "--config", "good.toml"], "--config: a run that is"),
    "another beta to resume": (["--resume", "run", "--beta", 3], "beta: cannot change when a run"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_and_nothing_is_touched(case, seatbelt_there):
    arguments, message = BAD_INPUT[case]
    result = seatbelt_there("train", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    [line] = [each for each in result.stderr.splitlines() if not each.startswith("images ")]
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.parametrize("reason", [errno.EROFS, errno.EACCES])
def test_a_read_only_place_is_one_line(reason, seatbelt_there, tmp_path, monkeypatch):
    mkdir = pathlib.Path.mkdir

    def refuse(path, *args, **kwargs):
        if path.name == "new":
            raise OSError(reason, os.strerror(reason), str(path))
        mkdir(path, *args, **kwargs)

    monkeypatch.setattr(pathlib.Path, "mkdir", refuse)
    result = seatbelt_there("train", "small", "--out", tmp_path / "new")
    assert result.exit_code == 2
    last = result.stderr.splitlines()[-1]
    assert last == f"error: {tmp_path}/new: cannot write: {os.strerror(reason)}"


def test_a_model_that_no_memory_holds_is_one_line(seatbelt_there):
    result = seatbelt_there("train", "small", "--latent-dim", 10**11, "--out", "new")
    assert result.exit_code == 2
    assert "error: the model and its batches do not fit into memory" in result.stderr


def test_a_run_and_a_place_for_a_new_one_are_too_much(seatbelt_there):
    result = seatbelt_there("train", "--resume", "run", "--out", "new")
    assert result.exit_code == 2
    assert "--out: got new beside the run run to go on with" in result.stderr


@pytest.mark.parametrize("room", [100, 100_000])
def test_a_full_disk_is_one_line_and_what_was_there_stays(room, seatbelt_there, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # no file may grow larger
    try:
        result = seatbelt_there("train", "small", "--out", tmp_path / "new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert result.exit_code == 2
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"error: {tmp_path}/new/")
    assert last.endswith("cannot write: File too large")
    # a run that could not begin leaves nothing, one that had begun leaves what it wrote
    assert (tmp_path / "new").exists() == (room > 1000)
