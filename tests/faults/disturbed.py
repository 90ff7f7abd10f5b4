"""What commands to be disturbed work on, and what they leave."""

import hashlib
import io
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from forked import Command, Outcome, start

COMMANDS = ("train", "sweep", "attack", "evaluate", "build")

_TRAIN = {
    "dataset": "folder", "holdout": 0.5, "layers": 2, "latent_dim": 2, "network": "mlp",
    "hidden": 16, "features": 16, "steps": 30, "batch_size": 4, "eval_images": 4, "eval_every": 10,
    "checkpoint_every": 5, "keep_checkpoints": 2, "device": "cpu",
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
_ATTACK = ("--pairs", "2", "--lambdas", "3", "--max-iterations", "20", "--batch", "2")
_EVALUATE = ("--images", "4", "--iwae-samples", "2", "--noise", "0.5")
_ROBUSTNESS = ("--pairs", "2", "--max-iterations", "5", "--images", "4", "--draws", "2")
_UNTIMED = {"images_per_second", "seconds"}
_TIMES = re.compile(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?")


def _flags(settings: dict[str, object]) -> list[str]:
    return [word for name, value in settings.items() for word in (_flag(name), str(value))]


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


_WORDS = {
    "train": ["train", *_flags(_TRAIN), "--data-dir", "pictures", "--out", "trained"],
    "drawn": [
        "train", *_flags(_TRAIN | {"dataset": "synth-chairs", "ids": 2, "steps": 2}), "--out",
        "trained",
    ],
    "resume": ["train", "--resume", "run", "--steps", "35"],
    "sweep": ["sweep", "grid.toml", "--out", "swept", "--workers", "2", "--threads", "1"],
    "attack": ["attack", "run", *_ATTACK, "--device", "cpu"],
    "evaluate": ["evaluate", "run", *_EVALUATE, "--device", "cpu"],
    "robustness": ["robustness", "run", *_ROBUSTNESS, "--device", "cpu"],
    "defend": ["defend", "run", "--smoothing", "0.1", "--out", "defended"],
    "report": ["report", "run"],
    "runs": ["runs", "."],
    "verify": ["runs", "verify", "run"],
    "build": ["data", "build", "synth-chairs", "--ids", "12"],
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a command works, with pictures, a grid and a trained run.

    Attributes:
        root: The folder.
    """

    root: Path

    def words(self, name: str) -> list[str]:
        """The words of a command."""
        return list(_WORDS[name])

    def start(self, name: str, *more: object, **how: object) -> Command:
        """Starts a command; `how` is that of :func:`forked.start`."""
        return start([*self.words(name), *more], self.root, **how)

    def run(self, name: str, *more: object, seconds: float = 300.0, **how: object) -> Outcome:
        """Runs a command to its end."""
        return self.start(name, *more, **how).wait(seconds)

    def results(self) -> dict[str, object]:
        """What decides or reports a number, by file; times and dates left out."""
        found: dict[str, object] = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if name.startswith(("run/checkpoints", "run/metrics", "pictures")):
                continue
            try:
                content = _content(path)
            except (OSError, ValueError, TypeError, KeyError, IndexError):  # the test damaged it
                content = "damaged"
            if content is not None:
                found[name] = content
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

    def at_work(self, name: str) -> bool:
        """Whether a command is at its work."""
        patterns = {
            "train": "trained/metrics.jsonl",
            "sweep": "swept/runs/*/metrics.jsonl",
            "attack": "run/attacks/*/groups",
            "evaluate": "run/evaluation",
            "build": "data/.*.part",
        }
        return any(path.is_dir() or path.stat().st_size for path in self.root.glob(patterns[name]))


def _content(path: Path) -> object:
    """What of a file decides or reports a number; None if nothing does."""
    if path.suffix in {".safetensors", ".npy"}:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    if path.suffix == ".html":
        return hashlib.sha256(_TIMES.sub(b"", path.read_bytes())).hexdigest()
    if path.suffix == ".parquet":
        table = pd.read_parquet(io.BytesIO(path.read_bytes()))
        return table.drop(columns=_UNTIMED, errors="ignore").to_json()
    if path.name == "metrics.jsonl":
        records = map(json.loads, path.read_text().splitlines())
        return [{key: each[key] for key in each.keys() - _UNTIMED} for each in records]
    if path.name in {"evaluation.json", "robustness.json"}:
        return {**json.loads(path.read_text()), "versions": None}
    return None


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


def complete_place(place: Place, root: Path) -> Place:
    """Makes a place whose run has all that a run can have, and a defended one beside."""
    copy = copy_place(place, root)
    for name in ("attack", "evaluate", "robustness", "defend", "drawn", "report"):
        run_to_end(copy, name)
    return copy


def copy_place(place: Place, root: Path, *, leave: Sequence[str] = ()) -> Place:
    """Makes a place like another; its pictures stay where they are."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(place.root, root, symlinks=True, ignore=shutil.ignore_patterns(*leave))
    return Place(root)


def attack_again_and_again(words: list[str]) -> None:
    """Attacks in one process, each with another seed, in the place of the one before.

    Args:
        words: How often, and the words of the command.
    """
    from pyro_seatbelt.cli.app import app

    count, *rest = words
    for seed in range(int(count)):
        shutil.rmtree("run/attacks", ignore_errors=True)
        status = app([*rest, "--seed", str(seed)], prog_name="seatbelt", standalone_mode=False)
        assert not status


def run_to_end(place: Place, name: str) -> Outcome:
    """Runs a command that nothing should be wrong with."""
    outcome = place.run(name, seconds=300)
    assert outcome.status == 0, f"{name}: {outcome}"
    return outcome


def run_again(place: Place, name: str) -> Outcome:
    """Runs a command again; where a training has ended there is nothing left to do."""
    again = place.run(name)
    finished = name == "train" and again.status == 2 and "there is a run here already" in again.err
    assert again.status == 0 or finished, f"{name}: {again}"
    return again
