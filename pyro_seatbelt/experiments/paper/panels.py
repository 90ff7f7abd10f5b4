"""Figure 1: latent attacks on several models, as images."""

import math
from typing import NamedTuple

import pandas as pd

from pyro_seatbelt.attacks import Findings
from pyro_seatbelt.attacks.records import AttackRecords
from pyro_seatbelt.attacks.results import auddc, shown
from pyro_seatbelt.experiments.jobs import Job
from pyro_seatbelt.experiments.paper.claims import Claim, above
from pyro_seatbelt.experiments.paper.item import Drawn, Item
from pyro_seatbelt.experiments.paper.members import CHAIN, DEEP, FLAT, jobs, members
from pyro_seatbelt.experiments.paper.results import Results, named, pick
from pyro_seatbelt.experiments.paper.scales import Role, Scale, Subject
from pyro_seatbelt.plots import Attacked, clockwise_panels
from pyro_seatbelt.training.config import TrainConfig

ROLES: tuple[Role, ...] = ("chairs", "faces", "celeba")


class Seen(NamedTuple):
    """What the problems that Figure 1 shows say of a model.

    Attributes:
        to_target: Mean L2 distance from the target to the adversarial reconstruction, over that
            to the clean reconstruction: 1 where the attack gains nothing.
        resembling: Share of the pairs whose adversarial reconstruction is closer to the clean one
            than to the target.
        area: Mean area under the distortion-distance curves.
        pairs: How many pairs.
    """

    to_target: float
    resembling: float
    area: float
    pairs: int


def panel_jobs(scale: Scale) -> list[Job]:
    """A VAE, and the largest beta of each model at its largest depth."""
    return [
        job
        for subject in scale.distinct(*ROLES)
        for job in jobs(scale, list(_configs(scale, subject).values()), "latent")
    ]


def draw_panels(results: Results) -> Drawn:
    """Draws Figure 1: a row a model, a column a data set, six images each."""
    subjects = results.scale.distinct(*ROLES)
    rows: dict[str, list[Attacked | None]] = {}
    records = []
    for number, subject in enumerate(subjects):
        for name, config in _configs(results.scale, subject).items():
            found = _find(results, config)
            row = rows.setdefault(name, [None] * len(subjects))
            if found is None:
                continue
            row[number] = first_shown(found)
            records.append(
                {"dataset": subject.dataset, "model": _line(name), **look(found)._asdict()}
            )
    figure = clockwise_panels(rows, columns=[subject.dataset for subject in subjects])
    return Drawn({"panels": figure}, {"panels": pd.DataFrame(records)})


def first_shown(found: Findings) -> Attacked | None:
    """The first pair of an attack, at the penalty that the paper shows; None if all failed."""
    rows = shown(found.table)
    if not rows:
        return None
    pair, row = next(iter(rows.items()))
    at = found.table.iloc[row]
    return Attacked(
        found.pairs["input"][pair],
        found.pairs["input_reconstruction"][pair],
        found.images["adversarial"][row],
        found.images["distortion"][row],
        found.images["reconstruction"][row],
        found.pairs["target"][pair],
        note=f"λ {at['weight']:.2g}, ||d|| {at['norm']:.2g}, Δ {at['value']:.3g}",
    )


def look(found: Findings) -> Seen:
    """Measures what the problems that Figure 1 shows look like."""
    rows = found.table.iloc[list(shown(found.table).values())]
    area = auddc(found.table)
    if rows.empty:
        return Seen(math.nan, math.nan, math.nan, 0)
    return Seen(
        to_target=float((rows["l2_target"] / rows["l2_clean_to_target"]).mean()),
        resembling=float((rows["l2_clean"] < rows["l2_target"]).mean()),
        area=math.nan if area is None else area.mean,
        pairs=len(rows),
    )


def claim_panels(results: Results) -> list[Claim]:
    """Latent attacks do less to disentangled models, and nothing visible to the deepest."""
    claims = []
    unknown = Seen(math.nan, math.nan, math.nan, 0)
    for subject in results.scale.distinct(*ROLES):
        seen = {}
        for name, config in _configs(results.scale, subject).items():
            found = _find(results, config)
            seen[name] = unknown if found is None else look(found)
        plain, *others = seen.values()
        protected = {name: each for name, each in list(seen.items())[1:] if "TCDLGM" not in name}
        least = min((each.to_target for each in protected.values()), default=math.nan)
        known = all(not math.isnan(each.to_target) for each in protected.values())
        claims.append(
            Claim(
                claim=f"panels-less-effective-{subject.dataset}",
                item="fig1",
                text="Latent attacks are less effective on disentangled models than on a VAE",
                source="Section 5.2, Figure 1",
                paper="farther from the target",
                measured={
                    **{f"to target, {_line(name)}": each.to_target for name, each in seen.items()},
                    **{f"AUDDC, {_line(name)}": each.area for name, each in seen.items()},
                    "pairs": plain.pairs,
                    "dataset": subject.dataset,
                },
                holds=above(least - plain.to_target, 0) if known else None,
                note="L2 from the target to the adversarial reconstruction over that to the clean "
                "one (1: nothing gained), at the penalty that Figure 1 shows; beta-TCVAE and "
                "Seatbelt-VAE must both be above the VAE.",
            )
        )
        if others and named(DEEP) in list(seen)[-1]:
            deepest = others[-1]
            claims.append(
                Claim(
                    claim=f"panels-resemble-input-{subject.dataset}",
                    item="fig1",
                    text="For high beta and L, latent attacks on Seatbelt-VAEs often result in "
                    "outputs that resemble the original inputs",
                    source="Section 5.2, Figure 1",
                    paper="often",
                    measured={
                        "share of pairs": deepest.resembling,
                        "share of pairs, VAE": plain.resembling,
                        "pairs": deepest.pairs,
                        "dataset": subject.dataset,
                    },
                    holds=above(deepest.resembling, 0.5),
                    note="Pairs whose adversarial reconstruction is closer (L2) to the clean "
                    "reconstruction than to the target; holds if it is more than half of them.",
                )
            )
    return claims


def _line(name: str) -> str:
    return name.replace("\n", ", ").replace("β", "beta")


def _configs(scale: Scale, subject: Subject) -> dict[str, TrainConfig]:
    """The rows of the figure by name; the VAE first, the deepest Seatbelt-VAE last."""
    low, high = subject.ends
    found = {
        "VAE": members(scale, subject, FLAT, betas=(low,)),
        named(FLAT, beta=high): members(scale, subject, FLAT, betas=(high,)),
    }
    for model, layers in ((CHAIN, subject.chain_layers), (DEEP, subject.layers)):
        for depth in layers[-1:]:
            name = f"{named(model)}\nL = {depth}, β = {high:g}"
            found[name] = members(scale, subject, model, betas=(high,), layers=(depth,))
    return {name: configs[0] for name, configs in found.items()}


def _find(results: Results, config: TrainConfig) -> Findings | None:
    folder = results.run_folder(config)
    if folder is None:
        return None
    made = pick(results.attacks, run=folder.name)["attack"]
    return None if made.empty else AttackRecords(folder / "attacks" / made.iloc[0]).read()


FIG1 = Item(
    title="Latent attacks as images",
    source="Section 5.2, Figure 1",
    jobs=panel_jobs,
    draw=draw_panels,
    claims=claim_panels,
)
