"""Attacks that try to rotate a heart of dSprites."""

from pathlib import Path

import pandas as pd

from pyro_seatbelt.paper.claims import Claim, above, all_of
from pyro_seatbelt.paper.heart_attacks import attack_hearts, heart_attack
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.measurements import difference, ratio
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.names import in_ascii, model_title
from pyro_seatbelt.paper.pictures import first_shown
from pyro_seatbelt.paper.results import ATTACK_COLUMNS, Results, solved
from pyro_seatbelt.paper.scale import DEEP, FLAT, Scale, Subject
from pyro_seatbelt.plots import Attacked, clockwise_panels
from pyro_seatbelt.training.config import TrainConfig


def configs(scale: Scale, subject: Subject) -> list[TrainConfig]:
    """A VAE, a beta-TCVAE and a deep Seatbelt-VAE."""
    deepest = subject.deepest(DEEP)
    return [
        *members(scale, subject, FLAT, betas=subject.ends),
        *members(scale, subject, DEEP, betas=subject.ends[1:], layers=deepest),
    ]


def make_attacks(results: Results, folder: Path) -> None:
    """Attacks each of them with one heart as the input and the same one, turned, as the target."""
    attack_hearts(results, configs(results.scale, results.scale.subjects["sprites"]), folder)


def draw(results: Results) -> Drawn:
    """Draws the attacks as images, a row per model."""
    subject = results.scale.subjects["sprites"]
    rows: dict[str, list[Attacked | None]] = {}
    records = []
    for config in configs(results.scale, subject):
        name = model_title(config.model, layers=config.layers, beta=config.beta)
        found = heart_attack(results, config)
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
    found = [heart_attack(results, each) for each in (config, vae)]
    one, other = (solved(nothing if each is None else each.table) for each in found)
    value, raw = (ratio(one, other, column) for column in ("value", "l2_target"))
    excess = difference(one, other, "l2_excess")
    return Claim(
        claim=f"heart-{config.model}",
        text="Disentangled models protect effectively against attacks on a single factor "
        f"({in_ascii(model_title(config.model))})",
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
    roles=("sprites",),
    configs=configs,
    draw=draw,
    claims=claims,
    make=make_attacks,
)
