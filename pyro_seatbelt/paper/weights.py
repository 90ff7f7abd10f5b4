"""Table 1: what beta does to the norms of encoders and decoders."""

import math
from typing import NamedTuple

import pandas as pd

from pyro_seatbelt.paper.claims import Claim, Number, above
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import DEEP, FLAT, jobs, members
from pyro_seatbelt.paper.results import Results, named, pick, spelled
from pyro_seatbelt.paper.scales import Role, Scale, Subject
from pyro_seatbelt.sweeps.job import Job

ROLES: tuple[Role, ...] = ("chairs", "faces", "celeba")
SIDES = ("encoder", "decoder")
PAPER: dict[tuple[str, str], dict[Role, float]] = {
    ("encoder", FLAT): {"chairs": 5.0, "faces": 19.5, "celeba": 73.7},
    ("encoder", DEEP): {"chairs": 1.0, "faces": 2.7, "celeba": 40.2},
    ("decoder", FLAT): {"chairs": -19.4, "faces": -15.0, "celeba": -6.8},
    ("decoder", DEEP): {"chairs": -7.6, "faces": -6.0, "celeba": -11.4},
}
"""Relative changes in Table 1, per cent."""


def weight_jobs(scale: Scale) -> list[Job]:
    """Beta-TCVAEs and Seatbelt-VAEs at the ends of beta."""
    return [
        job
        for subject in scale.distinct(*ROLES)
        for model, depth in _models(subject)
        for job in jobs(scale, members(scale, subject, model, betas=subject.ends, layers=(depth,)))
    ]


class Change(NamedTuple):
    """What beta does to a norm.

    Attributes:
        percent: By how much it changes from the least to the largest beta; NaN where one of them
            is not there.
        models: How many models that is from.
    """

    percent: float
    models: int


def change(runs: pd.DataFrame, subject: Subject, model: str, depth: int, side: str) -> Change:
    """By how much a norm changes from the least to the largest beta."""
    rows = pick(runs, dataset=subject.dataset, model=model, layers=depth)
    low, high = (
        pick(rows, beta=beta)[f"weight_norm.{side}"].astype(float).dropna() for beta in subject.ends
    )
    return Change(float(100 * (high.mean() - low.mean()) / low.mean()), len(low) + len(high))


def draw_weights(results: Results) -> Drawn:
    """Makes Table 1, with the paper's numbers beside ours."""
    records = []
    for side in SIDES:
        for model in (FLAT, DEEP):
            record: dict[str, object] = {"network": side, "model": model}
            for role in _roles(results.scale):
                subject = results.scale.subjects[role]
                depth = dict(_models(subject)).get(model)
                record["layers"] = depth
                record[f"{role}: {subject.dataset} [%]"] = (
                    math.nan
                    if depth is None
                    else change(results.runs, subject, model, depth, side).percent
                )
                record[f"{role}: paper [%]"] = PAPER[side, model][role]
            records.append(record)
    return Drawn({}, {"table1": pd.DataFrame(records)})


def claim_weights(results: Results) -> list[Claim]:
    """The norm grows for encoders and shrinks for decoders, less so for Seatbelt-VAEs."""
    claims = []
    for role in _roles(results.scale):
        subject = results.scale.subjects[role]
        for side in SIDES:
            sign = 1 if side == "encoder" else -1
            changes = {
                model: change(results.runs, subject, model, depth, side)
                for model, depth in _models(subject)
            }
            depths = dict(_models(subject))
            about: dict[str, Number] = {
                "beta_low": subject.ends[0],
                "beta_high": subject.ends[1],
                "dataset": subject.dataset,
            }
            for model, (percent, models) in changes.items():
                claims.append(
                    Claim(
                        claim=f"{side}-norm-{model}-{role}",
                        item="table1",
                        text=f"The L2 norm of the {side} {'in' if sign > 0 else 'de'}creases with "
                        f"beta ({spelled(named(model))})",
                        source="Section 5.4, Table 1",
                        paper=f"{PAPER[side, model][role]:+g} %",
                        measured={
                            "percent": percent,
                            "layers": depths[model],
                            "models": models,
                            **about,
                        },
                        holds=above(sign * percent, 0),
                        note="Weights without biases and normalisation, one model a beta.",
                    )
                )
            if DEEP in changes:
                flat, deep = changes[FLAT], changes[DEEP]
                claims.append(
                    Claim(
                        claim=f"{side}-norm-less-{role}",
                        item="table1",
                        text=f"The change of the {side} is generally greater for beta-TCVAEs than "
                        "for Seatbelt-VAEs",
                        source="Section 5.4, Table 1",
                        paper=f"{PAPER[side, FLAT][role]:+g} % and {PAPER[side, DEEP][role]:+g} %",
                        measured={
                            FLAT: flat.percent,
                            DEEP: deep.percent,
                            "models": flat.models + deep.models,
                            **about,
                        },
                        holds=above(abs(flat.percent) - abs(deep.percent), 0),
                        note="The sizes of the changes, whatever their signs."
                        + (
                            " The paper's own exception is the decoder of CelebA."
                            if (role, side) == ("celeba", "decoder")
                            else ""
                        ),
                    )
                )
    return claims


def _models(subject: Subject) -> list[tuple[str, int]]:
    """The models of the table, with their depths: L = 4 as in the paper, where there is one."""
    deep = [4] if 4 in subject.layers else list(subject.layers[-1:])
    return [(FLAT, 1), *((DEEP, depth) for depth in deep)]


def _roles(scale: Scale) -> list[Role]:
    """The columns, each data set once: what stands for two of the paper's is the first of them."""
    first: dict[str, Role] = {}
    for role in ROLES:
        first.setdefault(scale.subjects[role].dataset, role)
    return list(first.values())


TABLE1 = Item(
    title="Change of the norms of encoders and decoders with beta",
    source="Section 5.4, Table 1",
    jobs=weight_jobs,
    draw=draw_weights,
    claims=claim_weights,
)
