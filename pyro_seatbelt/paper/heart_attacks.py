"""Attacks that turn a heart of dSprites by a quarter: made, and found again."""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pyro_seatbelt.data import load_dataset
from pyro_seatbelt.drawn.sprites import FACTOR_SIZES
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.paper.members import attack
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.runs.attack import attack_run
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.records import AttackRecords, Findings
from pyro_seatbelt.training.config import TrainConfig

PICTURES = ("heart.png", "heart-rotated.png")
HEARTS = ((2, 5, 0, 16, 16), (2, 5, 10, 16, 16))
"""Shape, scale, orientation and position of the input and of its target: a quarter turn."""


def attack_hearts(results: Results, configs: Iterable[TrainConfig], folder: Path) -> None:
    """Attacks models with one heart as the input and the same one, turned, as the target.

    Args:
        results: Where the runs are.
        configs: Which of them; what is not finished is left out.
        folder: Where the two pictures are kept.
    """
    one, other = (folder / name for name in PICTURES)
    if not (one.is_file() and other.is_file()):
        _draw_hearts(results.scale.subjects["sprites"].dataset, (one, other))
    options = attack(results.scale, "latent").model_copy(
        update={"images": (one, other), "processes": 1}
    )
    for config in configs:
        run = results.run_folder(config)
        if run is not None:
            attack_run(run, options)


def heart_attack(results: Results, config: TrainConfig) -> Findings | None:
    """Reads the newest attack on a run that was made on the hearts, as the scale has it."""
    folder = results.run_folder(config)
    if folder is None:
        return None
    wanted = (
        list(results.scale.weights),
        results.scale.max_iterations,
        int(results.number(config, "steps")),
        list(PICTURES),
    )
    places = RunFolder(folder).attacks.glob("latent-all-*/table.parquet")
    for path in sorted(places, key=lambda path: path.stat().st_mtime, reverse=True):
        records = AttackRecords(path.parent)
        match records.known():
            case (
                {"weights": weights, "optimiser": {"max_iterations": max_iterations}},
                {"step": step, "source": {"pictures": pictures}},
            ) if (weights, max_iterations, step, pictures) == wanted:
                return records.read()
    return None


def _draw_hearts(dataset: str, paths: tuple[Path, Path]) -> None:
    with writing(paths[0].parent):
        paths[0].parent.mkdir(parents=True, exist_ok=True)
    numbers = np.ravel_multi_index(np.array(HEARTS).T, FACTOR_SIZES)
    hearts = load_dataset(dataset).images.gather(torch.from_numpy(numbers))
    for path, heart in zip(paths, hearts, strict=True):
        content = io.BytesIO()
        Image.fromarray(heart[0].cpu().numpy()).save(content, format="PNG")
        write_atomically(path, content.getvalue())
