"""What every test starts from: an empty parameter store, validation, a seed, one thread."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyro
import pytest
import torch
from PIL import Image


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


@pytest.fixture(scope="session")
def make_attackable(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a trained run of two layers on eight pictures of one's own, half of them held out."""
    from pyro_seatbelt.experiments import train_run
    from pyro_seatbelt.training import TrainConfig

    def make(channels: int = 1, **changes: object) -> Path:
        place = tmp_path_factory.mktemp("attackable")
        (place / "pictures").mkdir()
        rng = np.random.default_rng(0)
        for number in range(8):
            coarse = rng.integers(0, 256, (4, 4, channels), dtype=np.uint8)
            picture = Image.fromarray(coarse[..., 0] if channels == 1 else coarse)
            picture.resize((64, 64)).save(place / "pictures" / f"{number}.png")
        small = {
            "dataset": "folder",
            "data_dir": place / "pictures",
            "holdout": 0.5,
            "layers": 2,
            "latent_dim": 2,
            "network": "mlp",
            "hidden": 16,
            "steps": 4,
            "batch_size": 4,
            "eval_images": 4,
            "device": "cpu",
        }
        return train_run(TrainConfig.merge(small, changes), out=place / "run").folder

    return make


@pytest.fixture(scope="session")
def attackable(make_attackable: Callable[..., Path]) -> Path:
    """A grey one, shared by all tests: attack copies of it."""
    return make_attackable()


@pytest.fixture
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of attacks are empty files: drawing them takes longer than a small attack."""
    name = "pyro_seatbelt.experiments.attack_report.save_figure"
    monkeypatch.setattr(name, lambda figure, path: path.write_bytes(b""))
