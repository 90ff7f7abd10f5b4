"""How much KL is left in every layer, against beta."""

import pandas as pd

from pyro_seatbelt.family import name_latents
from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.lines import against_beta, band, joined
from pyro_seatbelt.paper.measurements import mean
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.names import model_title
from pyro_seatbelt.paper.results import Results, pick
from pyro_seatbelt.paper.scale import CHAIN, DEEP
from pyro_seatbelt.plots import BandPanel, band_panels

YLABEL = "KL [nats per image]"


def draw(results: Results) -> Drawn:
    """Draws a panel per model, a line per layer."""
    panels, tables = [], []
    for (model, depth), rows in _by_model(results).items():
        lines = {}
        for site in name_latents(int(depth)):
            table = against_beta(rows, f"kl.{site}", model=model, layers=depth, site=site)
            lines[site] = band(table)
            units = rows.groupby("beta")[f"active_units.{site}"].mean()
            tables.append(table.assign(active_units=units.to_numpy()))
        panels.append(BandPanel(model_title(model, layers=depth), YLABEL, lines))
    figure = band_panels(
        panels or [BandPanel("no runs", YLABEL)],
        xlabel="β",
        columns=max(1, (len(panels) + 1) // 2),
        title=f"KL of every layer, {results.scale.subjects['chairs'].dataset}",
    )
    return Drawn({"kl": figure}, {"kl": joined(tables)})


def claims(results: Results) -> list[Claim]:
    """Increasing beta reduces the collapse of layers."""
    return [_claim(results, model) for model in (DEEP, CHAIN)]


def _claim(results: Results, model: str) -> Claim:
    betas = results.scale.subjects["chairs"].betas_of(model)
    ends = (betas[0], betas[-1]) if betas else (None, None)
    upper, least = [], []
    for (_, depth), rows in _by_model(results, model=model).items():
        at = [pick(rows, beta=beta) for beta in ends]
        if all(map(len, at)):
            kl = [
                [float(side[f"kl.{site}"].mean()) for site in name_latents(int(depth))]
                for side in at
            ]
            upper.append([sum(side[1:]) / (depth - 1) for side in kl])
            least.append([min(side) for side in kl])
    low, high = ([each[end] for each in upper] for end in (0, 1))
    growth = mean([more - less for less, more in upper])
    return Claim(
        claim=f"collapse-{model}",
        text="Increasing beta reduces the collapse of the KL of layers",
        paper="more KL in the upper layers",
        measured={
            "beta_low": ends[0],
            "beta_high": ends[1],
            "upper KL at low beta": mean(low).value,
            "upper KL at high beta": mean(high).value,
            **growth.ends("growth"),
            "least KL at low beta": mean([each[0] for each in least]).value,
            "least KL at high beta": mean([each[1] for each in least]).value,
            "models": growth.num,
        },
        holds=above(growth.value, 0),
        note="Mean KL of the layers above z1 in nats per image, averaged over L. Free bits "
        f"({results.scale.free_bits:g} nats a dimension) keep the KL of every layer up, "
        "so little room is left for a collapse.",
    )


def _by_model(results: Results, **wanted: object) -> dict[tuple[str, int], pd.DataFrame]:
    """The runs of every hierarchy that were evaluated, by model and L."""
    runs = pick(results.runs, **wanted).dropna(subset="kl.z1")
    return {(str(name), int(L)): rows for (name, L), rows in runs.groupby(["model", "layers"])}


ITEM = Item(
    name="kl-collapse",
    roles=("chairs",),
    configs=lambda scale, subject: [
        config for model in (DEEP, CHAIN) for config in members(scale, subject, model)
    ],
    draw=draw,
    claims=claims,
)
