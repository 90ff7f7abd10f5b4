"""Latent attacks by the 2-Wasserstein distance, against beta."""

from typing import Literal

from pyro_seatbelt.paper.claims import Claim, above, all_of
from pyro_seatbelt.paper.growth import EXCESS_NOTE, at_ends, between_ends, representatives
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.lines import SHADING, against_beta, band, joined
from pyro_seatbelt.paper.measurements import difference, ratio
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.names import in_ascii, model_title
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import DEEP, FLAT
from pyro_seatbelt.plots import BandPanel, band_panels

PANELS: dict[str, tuple[str, Literal["log", "linear"]]] = {
    "value": ("Δ latent (W2)", "log"),
    "l2_target": ("L2 to the target", "linear"),
}


def draw(results: Results) -> Drawn:
    """Draws the objective and the distance to the target against beta."""
    subject = results.scale.subjects["chairs"]
    attacked = results.problems("w2", dataset=subject.dataset)
    panels, tables = [], []
    for column, (label, scale) in PANELS.items():
        lines = {}
        for name, rows in representatives(attacked, subject).items():
            about = {"dataset": subject.dataset, "mode": "w2", "model": name}
            tables.append(against_beta(rows, column, **about, quantity=column))
            lines[name] = band(tables[-1])
        panels.append(BandPanel(subject.dataset, label, lines, scale))
    figure = band_panels(panels, xlabel="β", columns=2, note=SHADING)
    return Drawn({"w2": figure}, {"w2": joined(tables)})


def claims(results: Results) -> list[Claim]:
    """The same holds for attacks that measure posteriors by the 2-Wasserstein distance."""
    return [_claim(results, model) for model in (FLAT, DEEP)]


def _claim(results: Results, model: str) -> Claim:
    subject = results.scale.subjects["chairs"]
    ends = at_ends(results, subject, "w2", model)
    value, l2 = (ratio(*ends, column) for column in PANELS)
    excess = difference(*ends, "l2_excess")
    return Claim(
        claim=f"w2-{model}",
        text="Attacks become harder as beta grows, by the 2-Wasserstein distance as well",
        source="the authors' later paper; Section 5.2 says it of the KL",
        paper="ratio above 1, a larger excess",
        measured={
            **value.numbers("delta_high", "delta_low"),
            **excess.ends("excess"),
            "l2_ratio": l2.value,
            **between_ends(subject),
        },
        holds=all_of(above(value, 1), above(excess, 0)),
        note=f"{in_ascii(model_title(model))}: the objective and the L2 distance to "
        f"the target, mean over pairs and lambda. {EXCESS_NOTE}",
    )


ITEM = Item(
    name="w2",
    roles=("chairs",),
    configs=lambda scale, subject: [
        config
        for model in (FLAT, DEEP)
        for config in members(
            scale, subject, model, betas=subject.ends, layers=subject.deepest(model)
        )
    ],
    attacks=("w2",),
    draw=draw,
    claims=claims,
)
