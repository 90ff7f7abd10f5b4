"""Attacks on single layers of Seatbelt-VAEs beside those on all of them."""

import math

import pandas as pd

from pyro_seatbelt.paper.bands import against_beta, band, joined
from pyro_seatbelt.paper.claims import Claim
from pyro_seatbelt.paper.estimates import ratio_of_means
from pyro_seatbelt.paper.growth import SHADING
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import DEEP, jobs, members
from pyro_seatbelt.paper.results import Results, named, pick, problems, sites
from pyro_seatbelt.paper.scales import Scale
from pyro_seatbelt.plots import BandPanel, band_panels
from pyro_seatbelt.sweeps.job import Job

QUANTITIES = {
    "target_nll": "\u2212log p(target | z~) [nats]",
    "l2_target": "L2 to the target",
}


def layer_jobs(scale: Scale) -> list[Job]:
    """The deepest Seatbelt-VAEs of chairs at the ends of beta, attacked in three ways."""
    subject = scale.subjects["chairs"]
    configs = members(scale, subject, DEEP, betas=subject.ends, layers=subject.layers[-1:])
    return [
        *jobs(scale, configs, "latent"),
        *jobs(scale, configs, "latent", layers="base"),
        *jobs(scale, configs, "latent", layers="top"),
    ]


def draw_layers(results: Results) -> Drawn:
    """Draws how close to the target attacks on some layers come, against beta."""
    subject = results.scale.subjects["chairs"]
    panels, tables = [], []
    for column, label in QUANTITIES.items():
        lines = {}
        for name, layers in _attacked(results.scale).items():
            rows = _rows(results, layers)
            if rows.empty:
                continue
            lines[name] = band(rows, column)
            table = against_beta(rows, column)
            table.insert(0, "quantity", column)
            table.insert(0, "layers_attacked", layers)
            tables.append(table)
        panels.append(BandPanel(label, label, lines))
    figure = band_panels(
        panels,
        xlabel="β",
        columns=2,
        title=f"{named(DEEP, layers=subject.layers[-1])}, {subject.dataset}",
        note=SHADING,
    )
    return Drawn(
        {"layers": figure},
        {"layers": joined(tables)},
    )


def claim_layers(results: Results) -> list[Claim]:
    """Attacking all layers is more effective than attacking the top or the base alone."""
    subject = results.scale.subjects["chairs"]
    attacked = _attacked(results.scale)
    every = _rows(results, attacked["all layers"])
    claims = []
    for name, layers in list(attacked.items())[1:]:
        rows = _rows(results, layers)
        worse = ratio_of_means(rows, every, "target_nll")
        by_beta = {
            beta: ratio_of_means(pick(rows, beta=beta), pick(every, beta=beta), "target_nll").value
            for beta in subject.ends
        }
        closer = ratio_of_means(rows, every, "l2_target")
        claims.append(
            Claim(
                claim=f"layers-{name.split(' ')[0]}",
                item="layers",
                text=f"Attacking the {name.split(',')[0]} alone is not as effective as attacking "
                "all layers",
                source="Section 4, Appendix",
                paper="ratio above 1",
                measured={
                    **worse.measured("single", "all"),
                    **{f"ratio at beta {beta:g}": each for beta, each in by_beta.items()},
                    "l2 ratio": closer.value if closer.num_pairs else math.nan,
                    "layers": subject.layers[-1],
                    "models": rows["run"].nunique(),
                    "dataset": subject.dataset,
                },
                holds=worse.exceeds(1),
                note="-log p(target | z~), mean over pairs, lambda and beta: the objectives of "
                "different layers cannot be compared.",
            )
        )
    return claims


def _attacked(scale: Scale) -> dict[str, str]:
    """The attacked sites by name."""
    depth = scale.subjects["chairs"].layers[-1]
    return {
        "all layers": sites(depth),
        "base layer, z1": "z1",
        f"top layer, z{depth}": f"z{depth}",
    }


def _rows(results: Results, layers: str) -> pd.DataFrame:
    return problems(results.attacks, "latent", layers=layers)


LAYERS = Item(
    title="Latent attacks on single layers",
    source="Section 4, Appendix",
    jobs=layer_jobs,
    draw=draw_layers,
    claims=claim_layers,
)
