"""Figure 7: the objectives that attacks reach, over beta and L."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from pyro_seatbelt.paper.chains import chain_below, chain_open
from pyro_seatbelt.paper.claims import Claim, above, all_of
from pyro_seatbelt.paper.growth import Size, growth_claims
from pyro_seatbelt.paper.heatmaps import MODES, ROLES, about_corner, cells, corners, draw_heatmaps
from pyro_seatbelt.paper.item import Item
from pyro_seatbelt.paper.measurements import ratio
from pyro_seatbelt.paper.members import whole_grid
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import DEEP, Subject


def claims(results: Results) -> Iterator[Claim]:
    """Depth and disentangling together protect best; chains without skips stay open."""
    for subject in results.scale.distinct(*ROLES):
        yield from _growth(results, subject)
        yield _depth_and_beta(results, subject)
        yield chain_open(results, subject)
        yield chain_below(results, subject)


def _growth(results: Results, subject: Subject) -> list[Claim]:
    return growth_claims(
        ratio(*corners(results, subject, "latent"), "value"),
        "seatbelt-growth",
        subject.dataset,
        about=about_corner(subject),
        text="Delta_latent of Seatbelt-VAEs grows towards the largest beta and L",
        note="The largest beta and L over L = 1, beta = 1. The objective sums over layers, so "
        "that a part of the growth is due to their number.",
        size=Size(
            "Delta_latent of Seatbelt-VAEs grows by a factor of about 10^7",
            1e7,
            10**6.5,
            "Holds if it rounds to that power of ten or a higher one, with all of its interval.",
        ),
    )


def _depth_and_beta(results: Results, subject: Subject) -> Claim:
    found = cells(results, subject, "latent", DEEP)
    there = {place: rows for place, rows in found.items() if len(rows)}
    low = subject.betas[0]
    flat = _medians([rows for (depth, _), rows in there.items() if depth == 1])
    plain = _medians([rows for (_, beta), rows in there.items() if beta == low])
    others = _medians([rows for (depth, beta), rows in there.items() if depth > 1 and beta > low])
    over_flat, over_plain = (ratio(others, each, "value") for each in (flat, plain))
    means = [float(rows["value"].mean()) for rows in there.values() if rows["value"].notna().any()]
    return Claim(
        claim=f"depth-and-beta-{subject.dataset}",
        text="Depth and disentangling together protect most: L = 1 and beta = 1 contain relatively "
        "low values",
        paper="lower",
        measured={
            "median L = 1": over_flat.second,
            "median beta = 1": over_plain.second,
            "median of the others": over_plain.first,
            **over_flat.ends("over L = 1"),
            **over_plain.ends("over beta = 1"),
            "largest": max(means, default=math.nan),
            "models": len(means),
            "dataset": subject.dataset,
        },
        holds=all_of(above(over_flat, 1), above(over_plain, 1)),
        note="Medians of Delta_latent over the models of L = 1, of beta = 1, and of the others, "
        "for each pair of images; then the mean over pairs. Delta measures how far apart two "
        "posteriors are in units of their scale, which does not compare models of different depth "
        "or beta.",
    )


def _medians(models: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The median over models of the mean objective, a row for each pair."""
    means = [rows["value"].astype(float).groupby(rows["pair"]).mean() for rows in models]
    if not means:
        return pd.DataFrame({"pair": [], "value": []})
    medians = pd.concat(means, axis=1).median(axis=1)
    return medians.rename("value").rename_axis("pair").reset_index()


ITEM = Item(
    name="fig7",
    roles=ROLES,
    configs=whole_grid,
    attacks=MODES,
    draw=lambda results: draw_heatmaps(results, "value", label="Δ {} [nats]", name="objectives"),
    claims=claims,
)
