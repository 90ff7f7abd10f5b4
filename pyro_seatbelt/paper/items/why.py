"""Where the paper's factors can come from: each way to get one, as a controlled pair of numbers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pyro_seatbelt.paper import sharp_pixels
from pyro_seatbelt.paper.claims import Claim, above, all_of
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.measurements import Contrast, ratio
from pyro_seatbelt.paper.mechanisms import VARIANTS
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import DEEP, FLAT, Scale, Subject
from pyro_seatbelt.paper.why_tables import make_tables, read_table
from pyro_seatbelt.plots import Dot, DotPanel, band_panels, dot_panels
from pyro_seatbelt.training.config import TrainConfig

FACTORS = {"a": ("beta-TCVAE over VAE", 3), "c": ("Seatbelt-VAE over VAE", 7)}
"""The models that each claim compares, and the power of ten that the paper has."""

AVERAGES = ("arithmetic mean", "geometric mean", "least penalty")
"""How the objectives of a pair are averaged over lambda; the last one takes the least above 0."""

_FLOOR = 1e-12  # nats: what is below counts as this in a geometric mean


def attacked(scale: Scale, subject: Subject) -> list[TrainConfig]:
    """A VAE, a beta-TCVAE and the deepest Seatbelt-VAE."""
    deepest = subject.deepest(DEEP)
    return [
        *members(scale, subject, FLAT, betas=subject.ends),
        *members(scale, subject, DEEP, betas=subject.ends[1:], layers=deepest),
    ]


def make(results: Results, folder: Path) -> None:
    """Attacks the three models in every way, and compares clean images under the sharp ones."""
    del folder  # all that is made belongs to a run
    subject = results.scale.subjects["chairs"]
    make_tables(results, attacked(results.scale, subject), "mechanisms")
    make_tables(results, sharp_pixels.configs(results.scale, subject), "clean")


def draw(results: Results) -> Drawn:
    """Draws what each way makes of the paper's factors, and the KL of clean images against beta."""
    dataset = results.scale.subjects["chairs"].dataset
    panels, records = [], []
    for letter, contrasts in _contrasts(results).items():
        models, power = FACTORS[letter]
        rows: dict[str, dict[str, Dot]] = {title: {} for title in VARIANTS.values()}
        for (variant, average), found in contrasts.items():
            rows[VARIANTS[variant]][average] = Dot(found.value, found.low, found.high)
            about = {"models": models, "variant": VARIANTS[variant], "average": average}
            over = found.first / contrasts["value", average].first
            records.append(about | found.numbers("first", "second") | {"over_control": over})
        panels.append(DotPanel(f"({letter}) {models}", rows, {"none": 1, "the paper": 10**power}))
    factors, pixels = pd.DataFrame(records), sharp_pixels.table(results)
    return Drawn(
        {
            "factors": dot_panels(
                panels,
                xlabel=f"objective over that of the VAE\n{dataset}",
                note="Intervals are 95 % over pairs of images.",
            ),
            "pixels": band_panels(
                [sharp_pixels.panel(pixels, dataset)],
                xlabel="β",
                columns=1,
                note="shading: 95 % CI over pairs",
            ),
        },
        {"factors": factors.dropna(subset="ratio"), "pixels": pixels},
    )


def claims(results: Results) -> Iterator[Claim]:
    """Which ways make a factor of the paper's size, and which do not."""
    for letter, contrasts in _contrasts(results).items():
        models, power = FACTORS[letter]
        for variant, title in VARIANTS.items():
            found = {average: contrasts[variant, average] for average in AVERAGES}
            reached = [above(each, 10 ** (power - 0.5)) for each in found.values()]
            yield Claim(
                claim=f"why-{letter}-{variant.replace('_', '-')}",
                text=f"({letter}) {models}: a factor of 10^{power} comes out, {title}",
                paper=f"10^{power}",
                measured={
                    **{average: each.value for average, each in found.items()},
                    "most over the control": max(
                        each.first / contrasts["value", average].first
                        for average, each in found.items()
                    ),
                    "pairs": max(each.num for each in found.values()),
                    "dataset": results.scale.subjects["chairs"].dataset,
                },
                holds=True if True in reached else all_of(*reached),
                note="The mean objective over that of the VAE, for three means over penalties. It "
                "holds if one of them rounds to that power of ten or a higher one. Over the "
                "control: what it makes of the same model's objective.",
            )
    yield from sharp_pixels.claims(results)


def _contrasts(results: Results) -> dict[str, dict[tuple[str, str], Contrast]]:
    """How the models compare: by claim, and by way and average."""
    configs = attacked(results.scale, results.scale.subjects["chairs"])
    vae, *others = (read_table(results, each, "mechanisms") for each in configs)
    return {
        letter: {
            (variant, average): ratio(
                _averaged(table, variant, average), _averaged(vae, variant, average), "value"
            )
            for variant in VARIANTS
            for average in AVERAGES
        }
        for letter, table in zip(FACTORS, others, strict=False)
    }


def _averaged(table: pd.DataFrame | None, variant: str, average: str) -> pd.DataFrame:
    """One number per pair."""
    if table is None:
        return pd.DataFrame({"pair": [], "value": []}, dtype=float)
    if average == "least penalty":
        penalties = table["weight"]
        table = table[penalties == penalties[penalties > 0].min()]
    values = table[variant]
    if average == "geometric mean":
        means = np.exp(np.log(values.clip(lower=_FLOOR)).groupby(table["pair"]).mean())
    else:
        means = values.groupby(table["pair"]).mean()
    return means.rename("value").reset_index()


ITEM = Item(
    name="why",
    roles=("chairs",),
    configs=lambda scale, subject: [
        *attacked(scale, subject),
        *sharp_pixels.configs(scale, subject),
    ],
    draw=draw,
    claims=claims,
    make=make,
)
