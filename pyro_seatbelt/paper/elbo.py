"""Figure 3: what beta costs in ELBO."""

import pandas as pd

from pyro_seatbelt.paper.bands import against_beta, band, joined
from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.estimates import Interval, interval
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import CHAIN, DEEP, FLAT, jobs, whole_grid
from pyro_seatbelt.paper.results import Results, lettered, named, pick, spelled
from pyro_seatbelt.paper.scales import Role, Scale, Subject
from pyro_seatbelt.plots import BandPanel, band_panels
from pyro_seatbelt.sweeps.job import Job

ROLES: tuple[Role, ...] = ("chairs", "faces", "celeba")


def elbo_jobs(scale: Scale) -> list[Job]:
    """Every model of every data set."""
    return [
        job for subject in scale.distinct(*ROLES) for job in jobs(scale, whole_grid(scale, subject))
    ]


def draw_elbo(results: Results) -> Drawn:
    """Draws Figure 3: a panel a data set, a line a model."""
    subjects = results.scale.distinct(*ROLES)
    panels, tables = [], []
    for subject, title in zip(subjects, lettered(s.dataset for s in subjects), strict=True):
        runs = pick(results.runs, dataset=subject.dataset)
        lines = {}
        for model in (FLAT, CHAIN, DEEP):
            rows = pick(runs, model=model).dropna(subset="elbo")
            if len(rows):
                lines[named(model)] = band(rows, "elbo", dots=True)
                table = against_beta(rows, "elbo")
                table.insert(0, "model", model)
                table.insert(0, "dataset", subject.dataset)
                tables.append(table)
        panels.append(BandPanel(title, "ELBO [nats per image]", lines))
    figure = band_panels(
        panels,
        xlabel="β",
        columns=3,
        note="shading: 95 % CI over ||z|| and L, where there are several; dots: single runs",
    )
    return Drawn({"elbo": figure}, {"elbo": joined(tables)})


def claim_elbo(results: Results) -> list[Claim]:
    """The ELBO declines with beta much more quickly for beta-TCVAEs than for the hierarchies."""
    claims = []
    for subject in results.scale.distinct(*ROLES):
        flat = elbo_drop(results.runs, subject, FLAT)
        for model in (DEEP, CHAIN):
            deep = elbo_drop(results.runs, subject, model)
            claims.append(
                Claim(
                    claim=f"elbo-{model}-{subject.dataset}",
                    item="fig3",
                    text="The ELBO declines with beta much more quickly for beta-TCVAEs than for "
                    f"{spelled(named(model))}s",
                    source="Section 5.1, Figure 3",
                    paper="smaller drop",
                    measured={
                        "beta_low": subject.ends[0],
                        "beta_high": subject.ends[1],
                        **_drop("beta-TCVAE", flat),
                        **_drop(model, deep),
                        "dataset": subject.dataset,
                    },
                    holds=above(flat.mean - deep.mean, 0),
                    note="Drop of the ELBO from the least to the largest beta in nats per image, "
                    "averaged over L and ||z||. Hierarchies are trained with free bits "
                    f"({results.scale.free_bits:g} nats a dimension), flat models without: the "
                    "floor limits how far the KL, and so the ELBO, can fall.",
                )
            )
    return claims


def elbo_drop(runs: pd.DataFrame, subject: Subject, model: str) -> Interval:
    """How many nats of ELBO the largest beta costs, over depths and widths that have both ends."""
    rows = pick(runs, dataset=subject.dataset, model=model)
    ends = [
        pick(rows, beta=beta).set_index(["layers", "latent_dim", "seed"])["elbo"].astype(float)
        if len(rows)
        else pd.Series(dtype=float)
        for beta in subject.ends
    ]
    return interval((ends[0] - ends[1]).dropna())


def _drop(name: str, drop: Interval) -> dict[str, float | int]:
    return {
        f"drop {name}": drop.mean,
        f"low {name}": drop.low,
        f"high {name}": drop.high,
        f"models {name}": drop.num,
    }


FIG3 = Item(
    title="ELBO against beta",
    source="Section 5.1, Figure 3",
    jobs=elbo_jobs,
    draw=draw_elbo,
    claims=claim_elbo,
)
