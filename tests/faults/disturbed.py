"""Commands to be disturbed: each is a process of its own, on pictures of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyro_seatbelt

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
COMMANDS = ("train", "sweep", "attack", "evaluate", "build")

_SOURCE = str(Path(pyro_seatbelt.__file__).parents[1])
_TRAIN = {
    "dataset": "folder", "holdout": 0.5, "layers": 2, "latent_dim": 2, "network": "mlp",
    "hidden": 16, "steps": 300, "batch_size": 4, "eval_images": 4, "checkpoint_every": 1000,
    "device": "cpu",
}  # fmt: skip
_GRID = """
[train]
{settings}
[grid]
seed = [0, 1]
[[attack]]
pairs = 2
weights = [0.0, 1.0]
max_iterations = 5
figures = false
device = "cpu"
[evaluate]
images = 4
iwae_samples = 2
noise_scales = [0.5]
figures = false
device = "cpu"
"""
_ATTACK = ("--pairs", "2", "--lambdas", "3", "--max-iterations", "20", "--device", "cpu")
_EVALUATE = ("--images", "4", "--iwae-samples", "2", "--noise", "0.5", "--device", "cpu")
_UNTIMED = {"images_per_second", "seconds"}


@dataclass(frozen=True)
class Place:
    """Where a command works, with pictures, a grid and a trained run.

    Attributes:
        root: The folder.
    """

    root: Path

    def command(self, name: str) -> list[str]:
        """The words of a command."""
        settings = [
            word
            for key, value in _TRAIN.items()
            for word in (f"--{key.replace('_', '-')}", str(value))
        ]
        words = {
            "train": ["train", *settings, "--data-dir", "pictures", "--out", "trained"],
            "sweep": ["sweep", "grid.toml", "--out", "swept", "--workers", "2", "--threads", "1"],
            "attack": ["attack", "run", *_ATTACK],
            "evaluate": ["evaluate", "run", *_EVALUATE, "--no-figures"],
            "report": ["report", "run"],
            "build": ["data", "build", "synth-chairs", "--ids", "12"],
        }
        return [sys.executable, "-m", "pyro_seatbelt.cli", *words[name]]

    def start(self, name: str) -> subprocess.Popen[str]:
        """Starts a command."""
        environment = os.environ | {
            "PYTHONPATH": _SOURCE,
            "SEATBELT_DATA": str(self.root / "data"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "80",
        }
        return subprocess.Popen(
            self.command(name),
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def results(self) -> dict[str, object]:
        """What decides or reports a number, by file; times and dates left out."""
        found: dict[str, object] = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if name.startswith(("run/checkpoints", "run/metrics", "pictures")):
                continue
            if path.suffix in {".safetensors", ".npy", ".csv"} and "tables" not in name:
                found[name] = path.read_bytes()
            elif path.name == "metrics.jsonl":
                records = map(json.loads, path.read_text().splitlines())
                found[name] = [
                    {key: each[key] for key in each.keys() - _UNTIMED} for each in records
                ]
            elif path.name == "evaluation.json":
                numbers = json.loads(path.read_text())
                found[name] = {
                    key: numbers[key] for key in ("elbo", "mse", "step") if key in numbers
                }
        return found

    def parts(self) -> list[str]:
        """Unfinished files."""
        return [str(path.relative_to(self.root)) for path in self.root.rglob(".*.part")]

    def steps(self) -> int:
        """The step of the newest checkpoint of all runs that are trained here."""
        saved = [
            int(path.name.removeprefix("step-"))
            for pattern in ("trained", "swept/runs/*")
            for path in self.root.glob(f"{pattern}/checkpoints/step-*")
        ]
        return max(saved, default=0)


def make_place(root: Path, pictures: Path) -> Place:
    """Makes a place with a trained run in it."""
    root.mkdir()
    shutil.copytree(pictures, root / "pictures")
    settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in _TRAIN.items())
    place = Place(root)
    (root / "grid.toml").write_text(
        _GRID.format(settings=f'{settings}\ndata_dir = "{root / "pictures"}"')
    )
    run_to_end(place, "train")
    (root / "trained").rename(root / "run")
    return place


def copy_place(place: Place, root: Path) -> Place:
    """Makes a place like another; its pictures stay where they are."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(place.root, root)
    return Place(root)


def run_to_end(place: Place, name: str) -> str:
    """Runs a command and returns what it said on standard error."""
    with place.start(name) as process:
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return errors


def begun(place: Place, name: str) -> bool:
    """Whether a command is at its work."""
    patterns = {
        "train": "trained/metrics.jsonl",
        "sweep": "swept/runs/*/metrics.jsonl",
        "attack": "run/attacks/*/groups",
        "evaluate": "run/evaluation",
        "build": "data/.*.part",
        "report": "report-is-quick",
    }
    return any(path.is_dir() or path.stat().st_size for path in place.root.glob(patterns[name]))


def disturb(place: Place, name: str, number: int, when: Callable[[], bool]) -> tuple[int, str]:
    """Starts a command and sends it a signal when it is time.

    Returns:
        Its status, and what it said on standard error.
    """
    with place.start(name) as process:
        while process.poll() is None and not when():
            time.sleep(0.002)
        if process.poll() is None:
            with suppress(ProcessLookupError):
                if number == signal.SIGKILL:
                    os.killpg(process.pid, number)
                else:
                    process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    return process.returncode, errors
