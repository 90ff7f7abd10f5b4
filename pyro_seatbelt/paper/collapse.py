"""How much KL is left in every layer, against beta."""

import pandas as pd

from pyro_seatbelt.paper.bands import against_beta, band, joined
from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.estimates import interval
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import CHAIN, DEEP, jobs, members
from pyro_seatbelt.paper.results import Results, named, pick
from pyro_seatbelt.paper.scales import Scale
from pyro_seatbelt.plots import BandPanel, band_panels
from pyro_seatbelt.sweeps.job import Job
from pyro_seatbelt.training.config import TrainConfig


def collapse_jobs(scale: Scale) -> list[Job]:
    """Hierarchies of chairs over beta."""
    return jobs(scale, _hierarchies(scale))


def draw_collapse(results: Results) -> Drawn:
    """Draws the KL of every layer against beta: a panel a model, a line a layer."""
    panels, tables = [], []
    for (model, depth), rows in _by_model(results):
        lines = {}
        for site in (f"z{layer}" for layer in range(1, depth + 1)):
            lines[site] = band(rows, f"kl.{site}")
            table = against_beta(rows, f"kl.{site}")
            table["active_units"] = rows.groupby("beta")[f"active_units.{site}"].mean().to_numpy()
            table.insert(0, "site", site)
            table.insert(0, "layers", depth)
            table.insert(0, "model", model)
            tables.append(table)
        panels.append(BandPanel(named(model, layers=depth), "KL [nats per image]", lines))
    figure = band_panels(
        panels or [BandPanel("no runs", "KL [nats per image]")],
        xlabel="β",
        columns=max(1, (len(panels) + 1) // 2),
        title=f"KL of every layer, {results.scale.subjects['chairs'].dataset}",
    )
    return Drawn({"kl": figure}, {"kl": joined(tables)})


def claim_collapse(results: Results) -> list[Claim]:
    """Increasing beta reduces the collapse of layers."""
    claims = []
    for model in (DEEP, CHAIN):
        subject = results.scale.subjects["chairs"]
        ends = subject.ends if model == DEEP else subject.chain_betas[:1] + subject.chain_betas[-1:]
        upper, least = [], []
        for (_, depth), rows in _by_model(results, model):
            at = [pick(rows, beta=beta) for beta in ends]
            if all(map(len, at)):
                kl = [
                    [float(side[f"kl.z{layer}"].mean()) for layer in range(1, depth + 1)]
                    for side in at
                ]
                upper.append([sum(side[1:]) / (depth - 1) for side in kl])
                least.append([min(side) for side in kl])
        growth = interval([high - low for low, high in upper])
        claims.append(
            Claim(
                claim=f"collapse-{model}",
                item="kl-collapse",
                text="Increasing beta reduces the collapse of the KL of layers",
                source="Section 5.1, Appendix",
                paper="more KL in the upper layers",
                measured={
                    "beta_low": ends[0] if ends else None,
                    "beta_high": ends[-1] if ends else None,
                    "upper KL at low beta": interval([low for low, _ in upper]).mean,
                    "upper KL at high beta": interval([high for _, high in upper]).mean,
                    "growth": growth.mean,
                    "growth_low": growth.low,
                    "growth_high": growth.high,
                    "least KL at low beta": interval([low for low, _ in least]).mean,
                    "least KL at high beta": interval([high for _, high in least]).mean,
                    "models": growth.num,
                },
                holds=above(growth.mean, 0),
                note="Mean KL of the layers above z1 in nats per image, averaged over L. Free bits "
                f"({results.scale.free_bits:g} nats a dimension) keep the KL of every layer up, "
                "so little room is left for a collapse.",
            )
        )
    return claims


def _hierarchies(scale: Scale) -> list[TrainConfig]:
    subject = scale.subjects["chairs"]
    return [
        *members(scale, subject, DEEP, betas=subject.betas, layers=subject.layers),
        *members(scale, subject, CHAIN, betas=subject.chain_betas, layers=subject.chain_layers),
    ]


def _by_model(
    results: Results, model: str | None = None
) -> list[tuple[tuple[str, int], pd.DataFrame]]:
    runs = pick(results.runs, model=model).dropna(subset="kl.z1")
    return [
        ((str(name), int(depth)), rows)
        for (name, depth), rows in runs.groupby(["model", "layers"], sort=True)
    ]


COLLAPSE = Item(
    title="KL of every layer against beta",
    source="Section 5.1, Appendix",
    jobs=collapse_jobs,
    draw=draw_collapse,
    claims=claim_collapse,
)
