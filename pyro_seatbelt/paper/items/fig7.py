"""Figure 7: the objectives that attacks reach, over beta and L."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from pyro_seatbelt.evaluation.auddc import auddc
from pyro_seatbelt.paper.claims import Claim, above, all_of, at_most
from pyro_seatbelt.paper.heatmaps import (
    CELLS_NOTE,
    MODES,
    ROLES,
    about_corner,
    cells,
    cells_of_both,
    corners,
    draw_heatmaps,
)
from pyro_seatbelt.paper.item import Item
from pyro_seatbelt.paper.measurements import ratio
from pyro_seatbelt.paper.members import whole_grid
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import CHAIN, DEEP, Subject


def claims(results: Results) -> Iterator[Claim]:
    """Depth and disentangling together protect best; chains without skips stay open."""
    for subject in results.scale.distinct(*ROLES):
        yield from _growth(results, subject)
        yield _depth_and_beta(results, subject)
        yield _chain_open(results, subject)
        yield _chain_below(results, subject)


def _growth(results: Results, subject: Subject) -> list[Claim]:
    grown = ratio(*corners(results, subject, "latent"), "value")
    measured = {**grown.numbers("delta_high", "delta_low"), **about_corner(subject)}
    return [
        Claim(
            claim=f"seatbelt-growth-{subject.dataset}",
            text="Delta_latent of Seatbelt-VAEs grows towards the largest beta and L",
            paper="ratio above 1",
            measured=measured,
            holds=above(grown, 1),
            note="The largest beta and L over L = 1, beta = 1. The objective sums over layers, so "
            "that a part of the growth is due to their number.",
        ),
        Claim(
            claim=f"seatbelt-growth-size-{subject.dataset}",
            text="Delta_latent of Seatbelt-VAEs grows by a factor of about 10^7",
            paper=1e7,
            measured=measured,
            holds=above(grown, 10**6.5),
            note="Holds if it rounds to that power of ten or a higher one, with all of its "
            "interval.",
        ),
    ]


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
        "for each pair of images; then the mean over pairs.",
    )


def _chain_open(results: Results, subject: Subject) -> Claim:
    known = sorted(
        (
            rows
            for rows in cells(results, subject, "latent", CHAIN).values()
            if rows["value"].notna().any()
        ),
        key=lambda rows: rows["value"].mean(),
    )
    least, largest = (known[0], known[-1]) if known else (results.attacks[:0],) * 2
    _, vae = corners(results, subject, "latent")
    own, beside = (ratio(largest, other, "value") for other in (least, vae))
    return Claim(
        claim=f"chain-open-{subject.dataset}",
        text="beta-TCDLGMs are very sensitive to latent attack regardless of beta and L",
        source="Sections 4 and 5.2, Figure 7, Appendix",
        paper="no growth",
        measured={
            **own.ends("largest over least"),
            **beside.ends("largest over vae"),
            "largest": own.first,
            "least": own.second,
            "vae": beside.second,
            "models": len(known),
            "dataset": subject.dataset,
        },
        holds=all_of(at_most(own, 10), at_most(beside, 10)),
        note="Holds if the largest Delta_latent of a beta-TCDLGM is at most ten times the least of "
        "them, over beta and L, and at most ten times that of the VAE (L = 1, beta = 1).",
    )


def _chain_below(results: Results, subject: Subject) -> Claim:
    both = cells_of_both(results, subject, "latent")
    found = [ratio(deep, chain, "value") for chain, deep in both]
    inverse = [1 / each.value for each in found if each.value > 0]
    return Claim(
        claim=f"chain-below-seatbelt-{subject.dataset}",
        text="Seatbelt-VAEs are harder to attack than beta-TCDLGMs of the same beta and L",
        paper="lower",
        measured={
            "lower": sum(each.value > 1 for each in found),
            "cells": len(found),
            "median ratio": float(np.median(inverse)) if inverse else math.nan,
            "AUDDC tcdlgm": _mean_area([chain for chain, _ in both]),
            "AUDDC seatbelt": _mean_area([deep for _, deep in both]),
            "dataset": subject.dataset,
        },
        holds=all_of(*(above(each, 1) for each in found)),
        note="Delta_latent of z1 for beta-TCDLGMs, of all layers for Seatbelt-VAEs, as the paper "
        "attacks them: a sum over L layers beside one of them, which favours the claim. The "
        "area under the distortion-distance curves (AUDDC, the mean of these models) does not "
        f"depend on the number of layers; larger is harder to attack. {CELLS_NOTE}",
    )


def _medians(models: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The median over models of the mean objective, a row for each pair."""
    means = [rows["value"].astype(float).groupby(rows["pair"]).mean() for rows in models]
    if not means:
        return pd.DataFrame({"pair": [], "value": []})
    medians = pd.concat(means, axis=1).median(axis=1)
    return medians.rename("value").rename_axis("pair").reset_index()


def _mean_area(models: Sequence[pd.DataFrame]) -> float:
    """The mean over models of the area under their distortion-distance curves."""
    areas = [area.mean for rows in models if (area := auddc(rows)) is not None]
    known = [area for area in areas if math.isfinite(area)]
    return float(np.mean(known)) if known else math.nan


ITEM = Item(
    name="fig7",
    title="Attack objectives over beta and L",
    source="Section 5.2, Figure 7",
    roles=ROLES,
    configs=whole_grid,
    attacks=MODES,
    draw=lambda results: draw_heatmaps(results, "value", label="Δ {} [nats]", name="objectives"),
    claims=claims,
)
