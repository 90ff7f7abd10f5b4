"""What Figure 7 says of beta-TCDLGMs, whose decoder sees the lowest layer alone."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from pyro_seatbelt.evaluation.auddc import auddc
from pyro_seatbelt.paper.claims import Claim, above, all_of, at_most
from pyro_seatbelt.paper.heatmaps import CELLS_NOTE, cells, cells_of_both, corners
from pyro_seatbelt.paper.measurements import ratio
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import CHAIN, Subject


def chain_open(results: Results, subject: Subject) -> Claim:
    """Claims that neither beta nor L makes latent attacks harder."""
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


def chain_below(results: Results, subject: Subject) -> Claim:
    """Claims that latent attacks are easier than those on Seatbelt-VAEs."""
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


def _mean_area(models: Sequence[pd.DataFrame]) -> float:
    """The mean over models of the area under their distortion-distance curves."""
    areas = [area.mean for rows in models if (area := auddc(rows)) is not None]
    known = [area for area in areas if math.isfinite(area)]
    return float(np.mean(known)) if known else math.nan
