"""The mutual information gap of every model at its top layer."""

import math
from collections.abc import Iterator

import pandas as pd

from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.names import in_ascii, model_title
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import CHAIN, DEEP, FLAT, Role, Scale, Subject
from pyro_seatbelt.training.config import TrainConfig

ROLES: tuple[Role, ...] = ("sprites", "chairs", "faces")
"""The sets with known factors."""

PREFIX = "disentanglement."


def configs(scale: Scale, subject: Subject) -> list[TrainConfig]:
    """Every model, at the ends of beta and the largest depth; the VAE first."""
    both, high = subject.ends, subject.ends[1:]
    chain_ends = tuple(beta for beta in subject.chain_betas if beta in both)
    return [
        *members(scale, subject, FLAT, betas=both),
        *members(scale, subject, CHAIN, betas=chain_ends, layers=subject.deepest(CHAIN)),
        *members(scale, subject, DEEP, betas=high, layers=subject.deepest(DEEP)),
    ]


def draw(results: Results) -> Drawn:
    """Makes a table, a row per model."""
    columns = [name for name in results.runs if name.startswith(PREFIX)]
    records = [
        {
            "dataset": subject.dataset,
            "model": config.model,
            "layers": config.layers,
            "beta": config.beta,
            **{name.removeprefix(PREFIX): results.number(config, name) for name in columns},
        }
        for subject in results.scale.distinct(*ROLES)
        for config in configs(results.scale, subject)
    ]
    return Drawn({}, {"mig": pd.DataFrame(records)})


def claims(results: Results) -> Iterator[Claim]:
    """The models obtain a high gap at the top layer."""
    for subject in results.scale.distinct(*ROLES):
        vae, *others = configs(results.scale, subject)
        plain = results.number(vae, f"{PREFIX}mig")
        for config in others:
            if config.beta != subject.ends[1] or config.model == CHAIN:
                continue
            mig = results.number(config, f"{PREFIX}mig")
            yield Claim(
                claim=f"mig-{config.model}-{subject.dataset}",
                text=f"{in_ascii(model_title(config.model))}s obtain a high MIG at the top layer",
                paper="above a VAE's",
                measured={
                    "mig": mig,
                    "mig_vae": plain,
                    "difference": mig - plain,
                    "layers": config.layers,
                    "beta": config.beta,
                    "models": sum(not math.isnan(value) for value in (mig, plain)),
                    "dataset": subject.dataset,
                },
                holds=above(mig - plain, 0),
                note="One model beside one VAE; the paper's numbers are in its appendix, so a "
                "high gap is taken to be one above the VAE's.",
            )


ITEM = Item(
    name="mig",
    roles=ROLES,
    configs=configs,
    draw=draw,
    claims=claims,
)
