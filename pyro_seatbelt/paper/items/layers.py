"""Attacks on single layers of Seatbelt-VAEs beside those on all of them."""

import pandas as pd

from pyro_seatbelt.family import name_latents
from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.lines import SHADING, against_beta, band, joined
from pyro_seatbelt.paper.measurements import ratio
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.names import model_title
from pyro_seatbelt.paper.results import Results, pick
from pyro_seatbelt.paper.scale import DEEP
from pyro_seatbelt.plots import BandPanel, band_panels

QUANTITIES = {"target_nll": "\u2212log p(target | z~) [nats]", "l2_target": "L2 to the target"}


def draw(results: Results) -> Drawn:
    """Draws how close to the target attacks on some layers come, against beta."""
    subject = results.scale.subjects["chairs"]
    panels, tables = [], []
    for column, label in QUANTITIES.items():
        lines = {}
        for name, rows in _by_layers(results).items():
            if rows.empty:
                continue
            attacked = rows["layers_attacked"].iloc[0]
            table = against_beta(rows, column, layers_attacked=attacked, quantity=column)
            lines[name] = band(table)
            tables.append(table)
        panels.append(BandPanel(label, label, lines))
    figure = band_panels(
        panels,
        xlabel="β",
        columns=2,
        title=f"{model_title(DEEP, layers=subject.max_layers)}, {subject.dataset}",
        note=SHADING,
    )
    return Drawn({"layers": figure}, {"layers": joined(tables)})


def claims(results: Results) -> list[Claim]:
    """Attacking all layers is more effective than attacking the top or the base alone."""
    (_, every), *single = _by_layers(results).items()
    return [_claim(results, name, rows, every) for name, rows in single]


def _claim(results: Results, name: str, rows: pd.DataFrame, every: pd.DataFrame) -> Claim:
    subject = results.scale.subjects["chairs"]
    place = name.split(",", maxsplit=1)[0]
    worse, closer = (ratio(rows, every, column) for column in QUANTITIES)
    by_beta = {
        f"ratio at beta {beta:g}": ratio(
            pick(rows, beta=beta), pick(every, beta=beta), "target_nll"
        ).value
        for beta in subject.ends
    }
    return Claim(
        claim=f"layers-{place.split(' ')[0]}",
        text=f"Attacking the {place} alone is not as effective as attacking all layers",
        paper="ratio above 1",
        measured={
            **worse.numbers("single", "all"),
            **by_beta,
            "l2 ratio": closer.value,
            "layers": subject.max_layers,
            "models": rows["run"].nunique(),
            "dataset": subject.dataset,
        },
        holds=above(worse, 1),
        note="-log p(target | z~), mean over pairs, lambda and beta: the objectives of "
        "different layers cannot be compared.",
    )


def _by_layers(results: Results) -> dict[str, pd.DataFrame]:
    """The problems of the attacks on some layers."""
    depth = results.scale.subjects["chairs"].max_layers
    attacked = {
        "all layers": "+".join(name_latents(int(depth))),
        "base layer, z1": "z1",
        f"top layer, z{depth}": f"z{depth}",
    }
    return {name: results.problems("latent", attacked=which) for name, which in attacked.items()}


ITEM = Item(
    name="layers",
    roles=("chairs",),
    configs=lambda scale, subject: members(
        scale, subject, DEEP, betas=subject.ends, layers=subject.deepest(DEEP)
    ),
    attacks=("latent",),
    layers=(None, "base", "top"),
    draw=draw,
    claims=claims,
)
