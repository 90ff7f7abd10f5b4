"""One run in two processes, as a user starts it."""

import os
import subprocess
import sys

import pytest
import torch

from pyro_seatbelt.runs import train_run
from pyro_seatbelt.training import TrainConfig
from pyro_seatbelt.training.checkpoint import load_newest

SETTINGS = {
    "ids": 2, "holdout": 0.5, "layers": 2, "latent_dim": 2, "hidden": 8, "features": 8,
    "network": "mlp", "steps": 4, "batch_size": 4, "eval_images": 4, "device": "cpu",
    "checkpoint_every": 2,
}  # fmt: skip
FLAGS = [
    word for name, value in SETTINGS.items() for word in (f"--{name.replace('_', '-')}", str(value))
]
SEATBELT = ("-m", "pyro_seatbelt.cli")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *SEATBELT)


def command(*words):
    environment = {name: value for name, value in os.environ.items() if name != "LOCAL_RANK"}
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
@pytest.mark.parametrize("start", [SEATBELT, TORCHRUN], ids=["alone", "torchrun"])
def test_two_processes_train_one_run(start, workplace):
    out = workplace / "two"
    done = command(*start, "train", *FLAGS, "--devices", "2", "--out", str(out), "--steps", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("held-out ELBO") == 1
    more = command(*start, "train", "--resume", str(out), "--steps", "4")
    assert more.returncode == 0, more.stderr
    one = train_run(TrainConfig(**SETTINGS), out=workplace / "one").folder
    ours, theirs = (load_newest(each / "checkpoints").checkpoint for each in (one, out))
    assert theirs.step == 4
    for name, value in ours.weights.items():
        torch.testing.assert_close(theirs.weights[name], value, atol=1e-6, rtol=0)
    refused = command(*start, "train", "--resume", str(out), "--devices", "1", "--steps", "9")
    assert refused.returncode != 0
    assert "devices: cannot change when a run is resumed" in refused.stderr
    assert load_newest(out / "checkpoints").checkpoint.step == 4


@pytest.mark.slow
def test_a_mistake_is_said_once_and_leaves_nothing(workplace):
    (workplace / "there").mkdir()
    (workplace / "there" / "file").write_text("somebody's")
    flags = [*FLAGS, "--devices", "2", "--out", str(workplace / "there")]
    done = command(*SEATBELT, "train", *flags)
    assert done.returncode == 2
    assert done.stderr.count("error") == 1
    assert [each.name for each in (workplace / "there").iterdir()] == ["file"]
