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
MODULES = [{"scikit-learn": "sklearn"}.get(name, name.replace("-", "_")) for name in EXTRA]

WITHOUT = f"""
import importlib.metadata, sys

EXTRA, MODULES = {EXTRA!r}, {MODULES!r}

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        extra = name.partition(".")[0] in MODULES
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
import pyro, torch
from pyro_seatbelt import (
    Attack, BottomUp, Hierarchy, LatentKL, LatentW2, Output, TopDown, TraceTC_ELBO,
    from_autoencoder_kl, from_modules, from_pythae, load_run, presets,
)
from pyro_seatbelt.attacks import PGD, Ball, Classifier, MinimumNorm
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.defences import PosteriorAttack, SmoothEncoder
from pyro_seatbelt.evaluation import evaluate_heldout, importance_weighted_bound
from pyro_seatbelt.training import TrainConfig, load_checkpoint, save_checkpoint

images = ResidentImages(torch.randint(256, (16, 1, 16, 16), dtype=torch.uint8))
family = presets.build(
    "seatbelt", layers=2, latent_dim=2, network="mlp", image_shape=(1, 16, 16), num_data=16
)
pyro.settings.set(module_local_params=True)
loss = SmoothEncoder(family.objective, 1.0, PosteriorAttack(radius=1.0))(*family[:2])
x = torch.rand(4, 1, 16, 16)
loss(x).backward()
pair = family.model.eval(), family.guide.eval()
result = Attack(LatentKL(), weights=[0.0, 1.0])(*pair, x[:1], x[1:2])
assert len(result.columns()["norm"]) == 2
Attack(Classifier(torch.nn.Linear(4, 2)), PGD(steps=1), [0.0], ball=Ball("l2", 1.0))(*pair, x)
MinimumNorm()(*pair, x[:1], x[1:2])
bound = importance_weighted_bound(*pair, images, torch.arange(4), num_samples=2, seed=0)
assert bound.iwae.isfinite().all()
"""

LACKING = {
    "from pyro_seatbelt.training import fit": "pyro_seatbelt.training.loop needs lightning_fabric",
    "from pyro_seatbelt.evaluation import disentanglement_scores": (
        "pyro_seatbelt.evaluation.disentanglement needs sklearn"
    ),
    "from pyro_seatbelt.evaluation import reconstruction_quality": (
        "pyro_seatbelt.evaluation.quality needs torchmetrics"
    ),
    "from pyro_seatbelt.runs import train_run": "pyro_seatbelt.runs.train needs ",
}


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


def test_what_the_library_has_only_with_the_extra_says_so():
    program = "".join(
        f"try:\n    {line}\n    print('nothing')\nexcept ModuleNotFoundError as e:\n    print(e)\n"
        for line in LACKING
    )
    done = run(program)
    assert (done.returncode, done.stderr) == (0, "")
    for line, start in zip(done.stdout.splitlines(), LACKING.values(), strict=True):
        assert line.startswith(start)
        assert line.endswith(", which is not installed: pip install 'pyro-seatbelt[cli]'")


@pytest.mark.parametrize("arguments", [["--help"], ["runs"]])
def test_commands_say_what_to_install(arguments):
    done = run("from pyro_seatbelt.cli.__main__ import main; main()", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("error: commands need ")
    assert line.endswith("which is not installed: pip install 'pyro-seatbelt[cli]'")
