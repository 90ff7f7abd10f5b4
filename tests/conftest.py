"""What every test starts from: an empty parameter store, validation, a seed, one thread."""

from collections.abc import Iterator
from pathlib import Path

import pyro
import pytest
import torch


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="Device for tests that take one.")
    parser.addoption(
        "--dtype", default="float64", choices=["float32", "float64"], help="Type of their numbers."
    )


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.config.getoption("--device"))


@pytest.fixture(scope="session")
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, request.config.getoption("--dtype"))
    return dtype


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _fresh_pyro() -> Iterator[None]:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    with pyro.validation_enabled():
        yield
    pyro.clear_param_store()


@pytest.fixture(scope="session")
def chairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with two drawn chairs in it."""
    from pyro_seatbelt.data import load_dataset

    root = tmp_path_factory.mktemp("data")
    load_dataset("synth-chairs", root=root, ids=2)
    return root


@pytest.fixture
def workplace(chairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory where data and runs have a place of their own."""
    monkeypatch.setenv("SEATBELT_DATA", str(chairs))
    monkeypatch.setenv("SEATBELT_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # no power cut is tested here
    return tmp_path
