"""Table 1: what beta does to the norms of encoders and decoders."""

import math
from collections.abc import Iterator

import pandas as pd

from pyro_seatbelt.paper.claims import Claim, Number, above
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.names import in_ascii, model_title
from pyro_seatbelt.paper.norms import Change, at_both_betas, norm_changes
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import DEEP, FLAT, Role, Subject

ROLES: tuple[Role, ...] = ("chairs", "faces", "celeba")
SIDES = ("encoder", "decoder")
PAPER: dict[tuple[str, str], dict[Role, float]] = {
    ("encoder", FLAT): {"chairs": 5.0, "faces": 19.5, "celeba": 73.7},
    ("encoder", DEEP): {"chairs": 1.0, "faces": 2.7, "celeba": 40.2},
    ("decoder", FLAT): {"chairs": -19.4, "faces": -15.0, "celeba": -6.8},
    ("decoder", DEEP): {"chairs": -7.6, "faces": -6.0, "celeba": -11.4},
}
"""Relative changes in Table 1, per cent."""


def draw(results: Results) -> Drawn:
    """Makes the table, with the paper's numbers beside ours."""
    records = []
    for side in SIDES:
        for model in (FLAT, DEEP):
            record: dict[str, object] = {"network": side, "model": model}
            for role, subject in results.scale.by_role(*ROLES).items():
                found = norm_changes(results, subject, side).get(model)
                record["layers"] = found and found.layers
                record[f"{role}: {subject.dataset} [%]"] = found.percent if found else math.nan
                record[f"{role}: paper [%]"] = PAPER[side, model][role]
            records.append(record)
    return Drawn({}, {"table1": pd.DataFrame(records)})


def claims(results: Results) -> Iterator[Claim]:
    """The norm grows for encoders and shrinks for decoders, less so for Seatbelt-VAEs."""
    for role, subject in results.scale.by_role(*ROLES).items():
        for side in SIDES:
            yield from _claims(role, subject, side, norm_changes(results, subject, side))


def _claims(role: Role, subject: Subject, side: str, found: dict[str, Change]) -> Iterator[Claim]:
    sign, verb = (1, "increases") if side == "encoder" else (-1, "decreases")
    low, high = subject.ends
    about: dict[str, Number] = {"beta_low": low, "beta_high": high, "dataset": subject.dataset}
    for model, each in found.items():
        yield Claim(
            claim=f"{side}-norm-{model}-{role}",
            text=f"The L2 norm of the {side} {verb} with beta ({in_ascii(model_title(model))})",
            paper=f"{PAPER[side, model][role]:+g} %",
            measured={
                "percent": each.percent,
                "layers": each.layers,
                "models": each.models,
                **about,
            },
            holds=above(sign * each.percent, 0),
            note="Weights without biases and normalisation, one model a beta.",
        )
    if DEEP not in found:
        return
    flat, deep = found[FLAT], found[DEEP]
    note = "The sizes of the changes, whatever their signs."
    if (role, side) == ("celeba", "decoder"):
        note += " The paper's own exception is the decoder of CelebA."
    yield Claim(
        claim=f"{side}-norm-less-{role}",
        text=f"The change of the {side} is generally greater for beta-TCVAEs than "
        "for Seatbelt-VAEs",
        paper=f"{PAPER[side, FLAT][role]:+g} % and {PAPER[side, DEEP][role]:+g} %",
        measured={
            FLAT: flat.percent,
            DEEP: deep.percent,
            "models": flat.models + deep.models,
            **about,
        },
        holds=above(abs(flat.percent) - abs(deep.percent), 0),
        note=note,
    )


ITEM = Item(
    name="table1",
    roles=ROLES,
    configs=lambda scale, subject: [
        config for model in (FLAT, DEEP) for config in at_both_betas(scale, subject, model)
    ],
    draw=draw,
    claims=claims,
)
