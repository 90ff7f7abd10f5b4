"""Attacks that try to rotate a heart of dSprites."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from pyro_seatbelt.data import load_dataset
from pyro_seatbelt.data.drawn_sprites import FACTOR_SIZES
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.paper.claims import Claim, all_of
from pyro_seatbelt.paper.estimates import difference_of_means, ratio_of_means
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import DEEP, FLAT, attack, jobs, members
from pyro_seatbelt.paper.panels import first_shown
from pyro_seatbelt.paper.results import (
    ATTACK_COLUMNS,
    Results,
    named,
    spelled,
    with_excess,
)
from pyro_seatbelt.paper.scales import Scale
from pyro_seatbelt.plots import Attacked, clockwise_panels
from pyro_seatbelt.runs.attack import attack_run
from pyro_seatbelt.runs.records import AttackRecords, Findings
from pyro_seatbelt.sweeps.jobs import Job
from pyro_seatbelt.training.config import TrainConfig

PICTURES = ("heart.png", "heart-rotated.png")
HEARTS = ((2, 5, 0, 16, 16), (2, 5, 10, 16, 16))
"""Shape, scale, orientation and position of the input and of its target: a quarter turn."""


def heart_jobs(scale: Scale) -> list[Job]:
    """A VAE, a beta-TCVAE and a deep Seatbelt-VAE of sprites."""
    return jobs(scale, _configs(scale))


def make_attacks(results: Results, folder: Path) -> None:
    """Attacks each of them with one heart as the input and the same one, turned, as the target.

    Args:
        results: Where the runs are.
        folder: Where the two pictures are kept.
    """
    scale = results.scale
    pictures = _pictures(scale.subjects["sprites"].dataset, folder)
    for config in _configs(scale):
        run = results.run_folder(config)
        if run is not None:
            changes = {"images": pictures, "processes": 1}
            attack_run(run, attack(scale, "latent").model_copy(update=changes))


def draw_heart(results: Results) -> Drawn:
    """Draws the attacks as images: a row a model."""
    rows: dict[str, list[Attacked | None]] = {}
    records = []
    for config in _configs(results.scale):
        name = named(config.model, layers=config.layers, beta=config.beta)
        found = _find(results, config)
        rows[name.replace(", ", "\n", 1)] = [None if found is None else first_shown(found)]
        if found is not None:
            records.append(
                {
                    "model": config.model,
                    "layers": config.layers,
                    "beta": config.beta,
                    **found.table[["value", "target_nll", "l2_target", "norm"]].mean().to_dict(),
                    "problems": len(found.table),
                }
            )
    dataset = results.scale.subjects["sprites"].dataset
    figure = clockwise_panels(rows, columns=[dataset])
    return Drawn({"attacks": figure}, {"attacks": pd.DataFrame(records)})


def claim_heart(results: Results) -> list[Claim]:
    """Disentangled models protect against attacks on a single factor, too."""
    plain, *others = _configs(results.scale)
    base = _find(results, plain)
    claims = []
    for config in others:
        found = _find(results, config)
        one, other = (_problems(each) for each in (found, base))
        value, raw = (ratio_of_means(one, other, name) for name in ("value", "l2_target"))
        excess = difference_of_means(with_excess(one), with_excess(other), "l2_excess")
        claims.append(
            Claim(
                claim=f"heart-{config.model}",
                item="heart",
                text="Disentangled models protect effectively against attacks on a single factor "
                f"({spelled(named(config.model))})",
                source="Section 5.2, Appendix",
                paper="ratio above 1, a larger excess",
                measured={
                    "ratio": value.value,
                    "excess": excess.value,
                    "l2 ratio": raw.value,
                    "beta": config.beta,
                    "layers": config.layers,
                    "pairs": value.num_pairs,
                    "problems": value.num_problems,
                    "dataset": config.dataset,
                },
                holds=all_of(value.exceeds(1), excess.exceeds(0)),
                note="Rotating one heart by a quarter turn: the objective over that of the VAE "
                "(beta = 1), and by how much more the L2 distance to the target exceeds that of "
                "the target's own reconstruction; mean over lambda. A single pair has no interval, "
                "so that nothing is decided.",
            )
        )
    return claims


def _problems(found: Findings | None) -> pd.DataFrame:
    """The problems of an attack, without the retired ones."""
    if found is None:
        return pd.DataFrame(columns=list(ATTACK_COLUMNS))
    return found.table[found.table["stop"] != "nan"]


def _find(results: Results, config: TrainConfig) -> Findings | None:
    folder = results.run_folder(config)
    if folder is None:
        return None
    step = int(results.number(config, "steps"))
    places = folder.glob("attacks/latent-all-*/table.parquet")
    for path in sorted(places, key=lambda path: path.stat().st_mtime, reverse=True):
        if _is_of_hearts(path.parent / "arguments.json", results.scale, step):
            return AttackRecords(path.parent).read()
    return None


def _is_of_hearts(path: Path, scale: Scale, step: int) -> bool:
    """Whether this attack was made on the two hearts at a checkpoint, as the scale has it."""
    try:
        about = json.loads(path.read_text("utf-8"))
        arguments, source = about["arguments"], about["source"]
        found = source.get("pictures"), arguments["weights"], arguments["optimiser"]
        wanted = list(PICTURES), list(scale.weights), scale.max_iterations
        return about["step"] == step and (*found[:2], found[2]["max_iterations"]) == wanted
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: the file is absent or damaged: remove {path.parent}") from error


def _configs(scale: Scale) -> list[TrainConfig]:
    subject = scale.subjects["sprites"]
    return [
        *members(scale, subject, FLAT, betas=subject.ends),
        *members(scale, subject, DEEP, betas=subject.ends[1:], layers=subject.layers[-1:]),
    ]


def _pictures(dataset: str, folder: Path) -> tuple[Path, Path]:
    """Writes the two hearts as pictures, unless they are there."""
    one, other = (folder / name for name in PICTURES)
    if not (one.is_file() and other.is_file()):
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        numbers = np.ravel_multi_index(np.array(HEARTS).T, FACTOR_SIZES)
        hearts = load_dataset(dataset).images.gather(torch.from_numpy(numbers))
        for path, heart in zip((one, other), hearts, strict=True):
            content = io.BytesIO()
            Image.fromarray(heart[0].cpu().numpy()).save(content, format="PNG")
            write_atomically(path, content.getvalue())
    return one, other


HEART = Item(
    title="Attacks that try to rotate a heart",
    source="Section 5.2, Appendix",
    jobs=heart_jobs,
    draw=draw_heart,
    claims=claim_heart,
    make=make_attacks,
)
