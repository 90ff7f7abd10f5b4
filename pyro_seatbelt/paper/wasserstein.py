"""Latent attacks by the 2-Wasserstein distance, against beta."""

from typing import Literal

from pyro_seatbelt.paper.bands import against_beta, band, joined
from pyro_seatbelt.paper.claims import Claim, all_of
from pyro_seatbelt.paper.growth import (
    EXCESS_NOTE,
    SHADING,
    about_growth,
    excess_growth,
    growth,
    labelled,
    representatives,
)
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import DEEP, FLAT, jobs, members
from pyro_seatbelt.paper.results import Results, named, pick, problems, spelled
from pyro_seatbelt.paper.scales import Scale
from pyro_seatbelt.plots import BandPanel, band_panels
from pyro_seatbelt.sweeps.job import Job


def wasserstein_jobs(scale: Scale) -> list[Job]:
    """Beta-TCVAEs and the deepest Seatbelt-VAEs of chairs at the ends of beta."""
    subject = scale.subjects["chairs"]
    configs = [
        *members(scale, subject, FLAT, betas=subject.ends),
        *members(scale, subject, DEEP, betas=subject.ends, layers=subject.layers[-1:]),
    ]
    return jobs(scale, configs, "w2")


def draw_wasserstein(results: Results) -> Drawn:
    """Draws the objective of the 2-Wasserstein attack against beta."""
    subject = results.scale.subjects["chairs"]
    attacked = pick(problems(results.attacks, "w2"), dataset=subject.dataset)
    panels, tables = [], []
    for column, label in (("value", "Δ latent (W2)"), ("l2_target", "L2 to the target")):
        lines = {}
        for name, rows in representatives(attacked, subject):
            lines[name] = band(rows, column)
            table = labelled(against_beta(rows, column), subject, "w2")
            table.insert(2, "quantity", column)
            table.insert(2, "model", name)
            tables.append(table)
        scale: Literal["log", "linear"] = "log" if column == "value" else "linear"
        panels.append(BandPanel(subject.dataset, label, lines, scale))
    figure = band_panels(panels, xlabel="β", columns=2, note=SHADING)
    return Drawn(
        {"w2": figure},
        {"w2": joined(tables)},
    )


def claim_wasserstein(results: Results) -> list[Claim]:
    """The same holds for attacks that measure posteriors by the 2-Wasserstein distance."""
    subject = results.scale.subjects["chairs"]
    claims = []
    for model in (FLAT, DEEP):
        value, l2 = (
            growth(results, subject, "w2", column, model) for column in ("value", "l2_target")
        )
        excess = excess_growth(results, subject, "w2", model)
        claims.append(
            Claim(
                claim=f"w2-{model}",
                item="w2",
                text="Attacks become harder as beta grows, by the 2-Wasserstein distance as well",
                source="the authors' later paper; Section 5.2 says it of the KL",
                paper="ratio above 1, a larger excess",
                measured={
                    **value.measured("delta_high", "delta_low"),
                    **excess.ends("excess"),
                    "l2_ratio": l2.value,
                    **about_growth(subject),
                },
                holds=all_of(value.exceeds(1), excess.exceeds(0)),
                note=f"{spelled(named(model))}: the objective and the L2 distance to "
                f"the target, mean over pairs and lambda. {EXCESS_NOTE}",
            )
        )
    return claims


WASSERSTEIN = Item(
    title="Latent attacks by the 2-Wasserstein distance",
    source="the authors' later paper",
    jobs=wasserstein_jobs,
    draw=draw_wasserstein,
    claims=claim_wasserstein,
)
