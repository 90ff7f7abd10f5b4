"""The library without the extra `cli`: its packages are not found, as if they were absent."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pyro_seatbelt

ROOT = Path(pyro_seatbelt.__file__).parent.parent
EXTRA = [
    requirement.partition(">")[0]
    for requirement in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]["cli"]
]

WITHOUT = f"""
import importlib.metadata, sys

EXTRA = {EXTRA!r}

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        extra = name.partition(".")[0] in EXTRA
        return None if extra else self.finder.find_spec(name, path, target)

distribution = importlib.metadata.distribution
def without(name):
    if name.lower() in EXTRA:
        raise importlib.metadata.PackageNotFoundError(name)
    return distribution(name)

importlib.metadata.distribution = without
sys.meta_path[:] = [Without(each) for each in sys.meta_path]
"""

LIBRARY = """
import torch
from pyro_seatbelt import (
    Attack, BottomUp, Hierarchy, LatentKL, LatentW2, Output, TopDown, TraceTC_ELBO, load_run,
    presets,
)
from pyro_seatbelt.attacks.posterior_draws import posterior_draws
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.evaluation import disentanglement_scores, importance_weighted_bound
from pyro_seatbelt.evaluation import reconstruction_quality
from pyro_seatbelt.training import TrainConfig, fit

images = ResidentImages(torch.randint(256, (16, 1, 16, 16), dtype=torch.uint8))
family = presets.build(
    "seatbelt", layers=2, latent_dim=2, network="mlp", image_shape=(1, 16, 16), num_data=16
)
config = TrainConfig(steps=1, batch_size=8, device="cpu")
assert fit(*family, images, torch.arange(16), config).step == 1
pair = family.model.eval(), family.guide.eval()
x = torch.rand(2, 1, 16, 16)
result = Attack(LatentKL(), weights=[0.0, 1.0])(*pair, x[:1], x[1:])
assert len(result.columns()["norm"]) == 2
bound = importance_weighted_bound(*pair, images, torch.arange(4), num_samples=2, seed=0)
assert bound.iwae.isfinite().all()
"""


def run(program, *arguments):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + program, *arguments],
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_library_needs_nothing_of_what_commands_need():
    done = run(LIBRARY)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["--help"], ["runs"]])
def test_commands_say_what_to_install(arguments):
    done = run("from pyro_seatbelt.cli.__main__ import main; main()", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("error: commands need ")
    assert line.endswith("which is not installed: pip install 'pyro-seatbelt[cli]'")
