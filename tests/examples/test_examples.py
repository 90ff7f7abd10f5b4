"""Every program in examples/ does its whole task, at smoke size, and stays short."""

import importlib.util
import inspect
from pathlib import Path

import pytest

import pyro_seatbelt
from pyro_seatbelt.executors import Inline
from pyro_seatbelt.sweeps import placement

EXAMPLES = Path(pyro_seatbelt.__file__).parent.parent / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))
SIZES = {"small_runs": {"ids": 2}, "sweep": {"images": 8}}
"""What else than the number of steps makes one small."""


def test_there_are_some():
    assert len(NAMES) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name, workplace, capsys, monkeypatch):
    if name == "autoencoder_kl":
        pytest.importorskip("diffusers")
    # processes of a sweep load torch anew
    monkeypatch.setattr(placement, "LocalProcesses", lambda *_, **__: Inline())
    path = EXAMPLES / f"{name}.py"
    assert len(path.read_text().splitlines()) < 80
    spec = importlib.util.spec_from_file_location(f"example_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    size = {"steps": 2} | SIZES.get(name, {})
    assert size.keys() <= inspect.signature(module.main).parameters.keys()
    module.main(**size)
    assert capsys.readouterr().out.strip()
