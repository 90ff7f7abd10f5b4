"""Figure 1: latent attacks on several models, as images."""

import math
from typing import NamedTuple

import pandas as pd

from pyro_seatbelt.evaluation.attack_summary import shown
from pyro_seatbelt.evaluation.auddc import auddc
from pyro_seatbelt.paper.claims import Claim, all_of
from pyro_seatbelt.paper.estimates import Interval, difference_of_means, share
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import CHAIN, DEEP, FLAT, jobs, members
from pyro_seatbelt.paper.results import Results, named, pick, spelled
from pyro_seatbelt.paper.scales import Role, Scale, Subject
from pyro_seatbelt.plots import Attacked, clockwise_panels
from pyro_seatbelt.runs.records import AttackRecords, Findings
from pyro_seatbelt.sweeps.jobs import Job
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
    resembling: Interval
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
                {
                    "dataset": subject.dataset,
                    "model": _line(name),
                    **(seen := look(found))._asdict(),
                    "resembling": seen.resembling.mean,
                }
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


def nearness(found: Findings | None) -> pd.DataFrame:
    """The problems that Figure 1 shows, a row for each pair, with `to_target` (see `Seen`)."""
    if found is None:
        return pd.DataFrame({"pair": [], "to_target": []})
    rows = found.table.iloc[list(shown(found.table).values())]
    return rows.assign(to_target=rows["l2_target"] / rows["l2_clean_to_target"])


def look(found: Findings) -> Seen:
    """Measures what the problems that Figure 1 shows look like."""
    rows = nearness(found)
    area = auddc(found.table)
    if rows.empty:
        return Seen(math.nan, share(0, 0), math.nan, 0)
    return Seen(
        to_target=float(rows["to_target"].mean()),
        resembling=share(int((rows["l2_clean"] < rows["l2_target"]).sum()), len(rows)),
        area=math.nan if area is None else area.mean,
        pairs=len(rows),
    )


def claim_panels(results: Results) -> list[Claim]:
    """Latent attacks do less to disentangled models, and nothing visible to the deepest."""
    claims = []
    unknown = Seen(math.nan, share(0, 0), math.nan, 0)
    for subject in results.scale.distinct(*ROLES):
        found = {
            name: _find(results, config)
            for name, config in _configs(results.scale, subject).items()
        }
        seen = {name: unknown if each is None else look(each) for name, each in found.items()}
        plain, *others = seen.values()
        vae, *rows = (nearness(each) for each in found.values())
        farther = {
            name: difference_of_means(each, vae, "to_target")
            for name, each in zip(list(found)[1:], rows, strict=True)
            if "TCDLGM" not in name
        }
        claims.append(
            Claim(
                claim=f"panels-less-effective-{subject.dataset}",
                item="fig1",
                text="Latent attacks are less effective on disentangled models than on a VAE",
                source="Section 5.2, Figure 1",
                paper="farther from the target",
                measured={
                    **{f"to target, {_line(name)}": each.to_target for name, each in seen.items()},
                    **{
                        end: value
                        for name, each in farther.items()
                        for end, value in each.ends(f"{_line(name)}, less the VAE's").items()
                    },
                    **{f"AUDDC, {_line(name)}": each.area for name, each in seen.items()},
                    "pairs": plain.pairs,
                    "dataset": subject.dataset,
                },
                holds=all_of(*(each.exceeds(0) for each in farther.values())),
                note="L2 from the target to the adversarial reconstruction over that to the clean "
                "one (1: nothing gained), at the penalty that Figure 1 shows; beta-TCVAE and "
                "Seatbelt-VAE must both be above the VAE. Blurred reconstructions are farther from "
                "the target, too: the AUDDC is without that.",
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
                        **deepest.resembling.ends("share of pairs"),
                        "share of pairs, VAE": plain.resembling.mean,
                        "pairs": deepest.pairs,
                        "dataset": subject.dataset,
                    },
                    holds=deepest.resembling.exceeds(0.5),
                    note="Pairs whose adversarial reconstruction is closer (L2) to the clean "
                    "reconstruction than to the target; holds if it is more than half of them, "
                    "with all of the interval of Clopper and Pearson.",
                )
            )
    return claims


def _line(name: str) -> str:
    return spelled(name.replace("\n", ", "))


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
