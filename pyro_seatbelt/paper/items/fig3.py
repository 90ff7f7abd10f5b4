"""Figure 3: what beta costs in ELBO."""

import pandas as pd

from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.lines import against_beta, band, joined
from pyro_seatbelt.paper.measurements import Measurement, mean
from pyro_seatbelt.paper.members import whole_grid
from pyro_seatbelt.paper.names import in_ascii, model_title, panel_titles
from pyro_seatbelt.paper.results import Results, pick
from pyro_seatbelt.paper.scale import CHAIN, DEEP, FLAT, MODELS, Role, Subject
from pyro_seatbelt.plots import BandPanel, band_panels

ROLES: tuple[Role, ...] = ("chairs", "faces", "celeba")


def draw(results: Results) -> Drawn:
    """Draws a panel per data set, a line per model."""
    panels, tables = [], []
    for _, subject, title in panel_titles(results.scale.distinct(*ROLES), ["elbo"]):
        lines = {}
        for model in MODELS:
            rows = pick(results.runs, dataset=subject.dataset, model=model).dropna(subset="elbo")
            if len(rows):
                table = against_beta(rows, "elbo", dataset=subject.dataset, model=model)
                dots = zip(rows["beta"], rows["elbo"], strict=True)
                lines[model_title(model)] = band(table, dots)
                tables.append(table)
        panels.append(BandPanel(title, "ELBO [nats per image]", lines))
    figure = band_panels(
        panels,
        xlabel="β",
        columns=3,
        note="shading: 95 % CI over numbers of latent dimensions and L; dots: single runs",
    )
    return Drawn({"elbo": figure}, {"elbo": joined(tables)})


def claims(results: Results) -> list[Claim]:
    """The ELBO declines with beta much more quickly for beta-TCVAEs than for the hierarchies."""
    return [
        _claim(results, subject, model)
        for subject in results.scale.distinct(*ROLES)
        for model in (DEEP, CHAIN)
    ]


def _claim(results: Results, subject: Subject, model: str) -> Claim:
    flat, deep = (_drop(results.runs, subject, each) for each in (FLAT, model))
    return Claim(
        claim=f"elbo-{model}-{subject.dataset}",
        text="The ELBO declines with beta much more quickly for beta-TCVAEs than for "
        f"{in_ascii(model_title(model))}s",
        paper="smaller drop",
        measured={
            "beta_low": subject.ends[0],
            "beta_high": subject.ends[1],
            **_numbers("beta-TCVAE", flat),
            **_numbers(model, deep),
            "dataset": subject.dataset,
        },
        holds=above(flat.value - deep.value, 0),
        note="Drop of the ELBO from the least to the largest beta in nats per image, "
        "averaged over L and ||z||. Hierarchies are trained with free bits "
        f"({results.scale.free_bits:g} nats a dimension), flat models without: the "
        "floor limits how far the KL, and so the ELBO, can fall.",
    )


def _drop(runs: pd.DataFrame, subject: Subject, model: str) -> Measurement:
    """How many nats of ELBO the largest beta costs, over depths and widths that have both ends."""
    rows = pick(runs, dataset=subject.dataset, model=model)
    low, high = (
        pick(rows, beta=beta).set_index(["layers", "latent_dim", "seed"])["elbo"].astype(float)
        for beta in subject.ends
    )
    return mean((low - high).dropna())


def _numbers(name: str, drop: Measurement) -> dict[str, float]:
    return {
        f"drop {name}": drop.value,
        f"low {name}": drop.low,
        f"high {name}": drop.high,
        f"models {name}": drop.num,
    }


ITEM = Item(
    name="fig3",
    roles=ROLES,
    configs=lambda scale, subject: whole_grid(scale, subject, latent_dims=subject.latent_dims),
    draw=draw,
    claims=claims,
)
