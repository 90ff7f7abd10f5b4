"""The mutual information gap of every model at its top layer."""

import math

import pandas as pd

from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import CHAIN, DEEP, FLAT, jobs, members
from pyro_seatbelt.paper.results import Results, named, spelled
from pyro_seatbelt.paper.scales import Role, Scale, Subject
from pyro_seatbelt.sweeps.job import Job
from pyro_seatbelt.training.config import TrainConfig

ROLES: tuple[Role, ...] = ("sprites", "chairs", "faces")
MIG = "disentanglement.mig"


def mig_jobs(scale: Scale) -> list[Job]:
    """Every model of the sets with known factors, at the ends of beta and the largest depth."""
    return [job for subject in scale.distinct(*ROLES) for job in jobs(scale, _ends(scale, subject))]


def draw_mig(results: Results) -> Drawn:
    """Makes the table of the mutual information gap at the top layer."""
    records = []
    for subject in results.scale.distinct(*ROLES):
        for config in _ends(results.scale, subject):
            record: dict[str, object] = {
                "dataset": subject.dataset,
                "model": config.model,
                "layers": config.layers,
                "beta": config.beta,
            }
            for column in [name for name in results.runs if name.startswith("disentanglement.")]:
                record[column.removeprefix("disentanglement.")] = results.number(config, column)
            records.append(record)
    return Drawn({}, {"mig": pd.DataFrame(records)})


def claim_mig(results: Results) -> list[Claim]:
    """The models obtain a high gap at the top layer."""
    claims = []
    for subject in results.scale.distinct(*ROLES):
        configs = _ends(results.scale, subject)
        plain = results.number(configs[0], MIG)
        for config in configs:
            if config.beta != subject.ends[1] or config.model == CHAIN:
                continue
            mig = results.number(config, MIG)
            claims.append(
                Claim(
                    claim=f"mig-{config.model}-{subject.dataset}",
                    item="mig",
                    text=f"{spelled(named(config.model))}s obtain a high MIG at the top layer",
                    source="Section 5, Appendix",
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
            )
    return claims


def _ends(scale: Scale, subject: Subject) -> list[TrainConfig]:
    chain_ends = tuple(beta for beta in subject.chain_betas if beta in subject.ends)
    return [
        *members(scale, subject, FLAT, betas=subject.ends),
        *members(scale, subject, CHAIN, betas=chain_ends, layers=subject.chain_layers[-1:]),
        *members(scale, subject, DEEP, betas=subject.ends[1:], layers=subject.layers[-1:]),
    ]


MIG_TABLE = Item(
    title="Mutual information gap at the top layer",
    source="Section 5, Appendix",
    jobs=mig_jobs,
    draw=draw_mig,
    claims=claim_mig,
)
