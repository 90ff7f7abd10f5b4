"""What every test starts from: an empty parameter store, validation, a seed, one thread."""

import importlib.util
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

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


def pytest_configure() -> None:
    """Forgets what the user's environment says of terminals and of this package."""
    terminal = {"COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "GITHUB_ACTIONS"}
    terminal |= {"TTY_COMPATIBLE", "TTY_INTERACTIVE", "TERMINAL_WIDTH", "MPLBACKEND"}
    for name in list(os.environ):
        if name in terminal or name.startswith(("SEATBELT_", "TYPER_", "_TYPER_")):
            del os.environ[name]


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


@dataclass
class BadServer:
    """A server on this machine: what it serves, and how badly.

    Attributes:
        content: The bytes of every file that is not one of `files`.
        files: The bytes of some, by path.
        tag: Its ETag; empty for none.
        drops: After how many bytes the next answers end; each is used once.
        ranges: Whether it knows Range, `blindly` without If-Range.
        length: Whether it says how long the content is.
        kind: Content-Type.
        answers: Statuses of the next answers; each is used once.
        after: Called with the path once an answer is out.
        requests: What was asked, path and Range.
    """

    address: str = ""
    content: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)
    tag: str = '"1"'
    drops: list[int] = field(default_factory=list)
    ranges: bool | str = True
    length: bool = True
    kind: str = "application/octet-stream"
    answers: list[int] = field(default_factory=list)
    after: Callable[[str], None] = lambda path: None
    requests: list[tuple[str, str | None]] = field(default_factory=list)


def handler(server: BadServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.requests.append((self.path, asked))
            if server.answers and (status := server.answers.pop(0)) != 200:
                self.send_response(status)
                if status in {301, 302}:
                    self.send_header("Location", f"{server.address}moved.zip")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content, start = server.files.get(self.path, server.content), 0
            known = self.headers.get("If-Range") in {None, server.tag} or server.ranges == "blindly"
            if asked and server.ranges and known:
                start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
                if start >= len(content):
                    self.send_response(416)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
            self.send_response(206 if start else 200)
            if start:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            if server.length:
                self.send_header("Content-Length", str(len(content) - start))
            if server.tag:
                self.send_header("ETag", server.tag)
            self.send_header("Content-Type", server.kind)
            self.end_headers()
            stop = start + server.drops.pop(0) if server.drops else len(content)
            self.wfile.write(content[start:stop])
            self.wfile.flush()
            self.close_connection = True
            server.after(self.path)

        def log_message(self, *words: object) -> None:
            pass

    return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BadServer]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("pyro_seatbelt.data.transfer._PAUSE", 0)
    bad = BadServer()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler(bad))
    bad.address = f"http://127.0.0.1:{listening.server_port}/"
    thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield bad
    listening.shutdown()
    thread.join()
    listening.server_close()


SMOKE: dict[str, object] = {
    "dataset": "folder",
    "holdout": 0.5,
    "layers": 2,
    "latent_dim": 2,
    "network": "mlp",
    "hidden": 16,
    "features": 16,
    "steps": 4,
    "batch_size": 4,
    "eval_images": 4,
    "device": "cpu",
}


def draw_pictures(folder: Path, channels: int = 1) -> Path:
    """Eight pictures of one's own."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(8):
        coarse = rng.integers(0, 256, (4, 4, channels), dtype=np.uint8)
        picture = Image.fromarray(coarse[..., 0] if channels == 1 else coarse)
        picture.resize((64, 64)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight grey pictures, shared by all tests."""
    return draw_pictures(tmp_path_factory.mktemp("smoke") / "pictures")


@pytest.fixture
def make_grid(workplace: Path, pictures: Path) -> Callable[..., Path]:
    """Writes a grid of the smallest runs there are on these pictures, with a small attack."""

    def make(more: str = "", name: str = "grid.toml", **axes: list[object]) -> Path:
        settings = SMOKE | {"data_dir": str(pictures)}
        lines = [
            *(more.splitlines() or ["[evaluate]", "images = 4", "iwae_samples = 2"]),
            *("noise_scales = [0.5]", "figures = false", 'device = "cpu"') * (not more),
            "[train]",
            *(f"{key} = {json.dumps(value)}" for key, value in settings.items() if key not in axes),
            "[grid]",
            *(f"{key} = {json.dumps(values)}" for key, values in axes.items()),
            *("[[attack]]", "pairs = 2", "weights = [0.0, 1.0]", "max_iterations = 3"),
            *("figures = false", 'device = "cpu"'),
        ]
        path = workplace / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return make


@pytest.fixture(scope="session")
def make_attackable(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a trained run of two layers on eight pictures of one's own, half of them held out."""
    from pyro_seatbelt.runs import train_run
    from pyro_seatbelt.training import TrainConfig

    def make(channels: int = 1, **changes: object) -> Path:
        place = tmp_path_factory.mktemp("attackable")
        small = SMOKE | {"data_dir": draw_pictures(place / "pictures", channels)}
        return train_run(TrainConfig.merge(small, changes), out=place / "run").folder

    return make


@pytest.fixture(scope="session")
def attackable(make_attackable: Callable[..., Path]) -> Path:
    """A grey one, shared by all tests: attack copies of it."""
    return make_attackable()


@pytest.fixture
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of attacks are empty files: drawing them takes longer than a small attack."""
    name = "pyro_seatbelt.runs.attack_report.save_figure"
    monkeypatch.setattr(name, lambda figure, path: path.write_bytes(b""))


@pytest.fixture(scope="session")
def pairs() -> ModuleType:
    """Small models and guides that attacks are tried on: a test folder is no package to import."""
    path = Path(__file__).parent / "small_pairs.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_config() -> Callable[..., Any]:
    """Makes configs of small runs on two drawn chairs."""
    from pyro_seatbelt.training import TrainConfig

    def make(**changes: object) -> TrainConfig:
        small = {
            "ids": 2,
            "holdout": 0.5,
            "layers": 2,
            "latent_dim": 2,
            "hidden": 8,
            "features": 16,
            "steps": 4,
            "batch_size": 4,
            "warmup_steps": 3,
            "log_every": 2,
            "eval_every": 3,
            "eval_images": 4,
            "checkpoint_every": 2,
            "device": "cpu",
        }
        return TrainConfig.merge(small, changes)

    return make


@pytest.fixture(scope="session")
def value_and_gradient() -> Callable[..., Any]:
    """Computes a loss and its gradient by every parameter of a model and a guide, for one seed."""

    def compute(elbo: Any, model: Any, guide: Any, *args: Any) -> tuple[float, torch.Tensor]:
        pyro.set_rng_seed(3)
        modules = [getattr(program, "parameters_of", program) for program in (model, guide)]
        parameters = {id(p): p for module in modules for p in module.parameters()}.values()
        with pyro.settings.context(module_local_params=True):
            loss = elbo.differentiable_loss(model, guide, *args)
        grads = torch.autograd.grad(loss, list(parameters), allow_unused=True)
        return loss.item(), torch.cat([g.flatten() for g in grads if g is not None])

    return compute


@pytest.fixture(scope="session")
def assert_same_bound(value_and_gradient: Callable[..., Any]) -> Callable[..., None]:
    """Asserts that two objectives, each with its pair, have the same value and gradient."""

    def check(one: Any, other: Any, *args: Any) -> None:
        (value, gradient), (other_value, other_gradient) = (
            value_and_gradient(elbo, model, guide, *args) for elbo, model, guide in (one, other)
        )
        assert value == pytest.approx(other_value, rel=1e-9)
        assert gradient.norm() > 0
        assert (gradient - other_gradient).norm() <= 1e-9 * other_gradient.norm()

    return check
