"""Attacks that try to rotate a heart of dSprites."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from pyro_seatbelt.data import load_dataset
from pyro_seatbelt.drawn.sprites import FACTOR_SIZES
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.paper.claims import Claim, above, all_of
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.measurements import difference, ratio
from pyro_seatbelt.paper.members import attack, members
from pyro_seatbelt.paper.names import named, spelled
from pyro_seatbelt.paper.pictures import first_shown
from pyro_seatbelt.paper.results import ATTACK_COLUMNS, Results, solved
from pyro_seatbelt.paper.scale import DEEP, FLAT, Scale, Subject
from pyro_seatbelt.plots import Attacked, clockwise_panels
from pyro_seatbelt.runs.attack import attack_run
from pyro_seatbelt.runs.records import AttackRecords, Findings
from pyro_seatbelt.training.config import TrainConfig

PICTURES = ("heart.png", "heart-rotated.png")
HEARTS = ((2, 5, 0, 16, 16), (2, 5, 10, 16, 16))
"""Shape, scale, orientation and position of the input and of its target: a quarter turn."""


def configs(scale: Scale, subject: Subject) -> list[TrainConfig]:
    """A VAE, a beta-TCVAE and a deep Seatbelt-VAE."""
    deepest = subject.deepest(DEEP)
    return [
        *members(scale, subject, FLAT, betas=subject.ends),
        *members(scale, subject, DEEP, betas=subject.ends[1:], layers=deepest),
    ]


def make_attacks(results: Results, folder: Path) -> None:
    """Attacks each of them with one heart as the input and the same one, turned, as the target.

    Args:
        results: Where the runs are.
        folder: Where the two pictures are kept.
    """
    one, other = (folder / name for name in PICTURES)
    if not (one.is_file() and other.is_file()):
        _draw_hearts(results.scale.subjects["sprites"].dataset, (one, other))
    options = attack(results.scale, "latent").model_copy(
        update={"images": (one, other), "processes": 1}
    )
    for config in configs(results.scale, results.scale.subjects["sprites"]):
        run = results.run_folder(config)
        if run is not None:
            attack_run(run, options)


def _draw_hearts(dataset: str, paths: tuple[Path, Path]) -> None:
    with writing(paths[0].parent):
        paths[0].parent.mkdir(parents=True, exist_ok=True)
    numbers = np.ravel_multi_index(np.array(HEARTS).T, FACTOR_SIZES)
    hearts = load_dataset(dataset).images.gather(torch.from_numpy(numbers))
    for path, heart in zip(paths, hearts, strict=True):
        content = io.BytesIO()
        Image.fromarray(heart[0].cpu().numpy()).save(content, format="PNG")
        write_atomically(path, content.getvalue())


def read_attack(results: Results, config: TrainConfig) -> Findings | None:
    """Reads the newest attack on a run that was made on the hearts, as the scale has it."""
    folder = results.run_folder(config)
    if folder is None:
        return None
    places = folder.glob("attacks/latent-all-*/table.parquet")
    for path in sorted(places, key=lambda path: path.stat().st_mtime, reverse=True):
        if _arguments(path.parent / "arguments.json") == {
            "step": int(results.number(config, "steps")),
            "pictures": list(PICTURES),
            "weights": list(results.scale.weights),
            "max_iterations": results.scale.max_iterations,
        }:
            return AttackRecords(path.parent).read()
    return None


def _arguments(path: Path) -> dict[str, object]:
    try:
        about = json.loads(path.read_text("utf-8"))
        arguments = about["arguments"]
        return {
            "step": about["step"],
            "pictures": about["source"].get("pictures"),
            "weights": arguments["weights"],
            "max_iterations": arguments["optimiser"]["max_iterations"],
        }
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: the file is absent or damaged: remove {path.parent}") from error


def draw(results: Results) -> Drawn:
    """Draws the attacks as images, a row per model."""
    subject = results.scale.subjects["sprites"]
    rows: dict[str, list[Attacked | None]] = {}
    records = []
    for config in configs(results.scale, subject):
        name = named(config.model, layers=config.layers, beta=config.beta)
        found = read_attack(results, config)
        rows[name.replace(", ", "\n", 1)] = [None if found is None else first_shown(found)]
        if found is not None:
            means = found.table[["value", "target_nll", "l2_target", "norm"]].mean().to_dict()
            about = {"model": config.model, "layers": config.layers, "beta": config.beta}
            records.append({**about, **means, "problems": len(found.table)})
    figure = clockwise_panels(rows, columns=[subject.dataset])
    return Drawn({"attacks": figure}, {"attacks": pd.DataFrame(records)})


def claims(results: Results) -> list[Claim]:
    """Disentangled models protect against attacks on a single factor, too."""
    vae, *others = configs(results.scale, results.scale.subjects["sprites"])
    return [_claim(results, config, vae) for config in others]


def _claim(results: Results, config: TrainConfig, vae: TrainConfig) -> Claim:
    nothing = pd.DataFrame(columns=list(ATTACK_COLUMNS))
    found = [read_attack(results, each) for each in (config, vae)]
    one, other = (solved(nothing if each is None else each.table) for each in found)
    value, raw = (ratio(one, other, column) for column in ("value", "l2_target"))
    excess = difference(one, other, "l2_excess")
    return Claim(
        claim=f"heart-{config.model}",
        text="Disentangled models protect effectively against attacks on a single factor "
        f"({spelled(named(config.model))})",
        paper="ratio above 1, a larger excess",
        measured={
            "ratio": value.value,
            "excess": excess.value,
            "l2 ratio": raw.value,
            "beta": config.beta,
            "layers": config.layers,
            "pairs": value.num,
            "problems": value.problems,
            "dataset": config.dataset,
        },
        holds=all_of(above(value, 1), above(excess, 0)),
        note="Rotating one heart by a quarter turn: the objective over that of the VAE "
        "(beta = 1), and by how much more the L2 distance to the target exceeds that of "
        "the target's own reconstruction; mean over lambda. A single pair has no interval, "
        "so that nothing is decided.",
    )


ITEM = Item(
    name="heart",
    title="Attacks that try to rotate a heart",
    source="Section 5.2, Appendix",
    roles=("sprites",),
    configs=configs,
    draw=draw,
    claims=claims,
    make=make_attacks,
)
