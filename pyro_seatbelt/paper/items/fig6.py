"""Figure 6: how likely attacks make the target, over beta and L."""

import math
from collections.abc import Iterator

import numpy as np

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.paper.claims import Claim, above, all_of
from pyro_seatbelt.paper.heatmaps import (
    CELLS_NOTE,
    MODES,
    ROLES,
    about_corner,
    cells_of_both,
    corners,
    draw_heatmaps,
)
from pyro_seatbelt.paper.item import Item
from pyro_seatbelt.paper.measurements import difference
from pyro_seatbelt.paper.members import whole_grid
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import Subject

CONFOUND_NOTE = (
    "A model that reconstructs the target itself worse has a larger -log p whatever the attack "
    "does; item l2 decides on the distance beyond that of the target's own reconstruction."
)
"""What else than protection makes a likelihood small."""


def claims(results: Results) -> Iterator[Claim]:
    """Seatbelt-VAEs protect much against latent attacks and somewhat against output attacks."""
    for subject in results.scale.distinct(*ROLES):
        for mode in MODES:
            yield _protection(results, subject, mode)
        yield _chain(results, subject)


def _protection(results: Results, subject: Subject, mode: Mode) -> Claim:
    farther, own, excess = (
        difference(*corners(results, subject, mode), column)
        for column in ("target_nll", "l2_best_to_target", "l2_excess")
    )
    return Claim(
        claim=f"likelihood-{mode}-{subject.dataset}",
        text=f"Seatbelt-VAEs offer protection to {mode} attacks compared to vanilla "
        "VAEs: -log p(target | z~) is larger",
        paper="larger",
        measured={
            **farther.numbers("seatbelt", "vae"),
            "own l2 seatbelt": own.first,
            "own l2 vae": own.second,
            "l2 excess seatbelt": excess.first,
            "l2 excess vae": excess.second,
            **about_corner(subject),
        },
        holds=above(farther, 0),
        note="The Seatbelt-VAE of the largest beta and L beside L = 1, beta = 1; nats, "
        f"mean over pairs and lambda. {CONFOUND_NOTE}",
    )


def _chain(results: Results, subject: Subject) -> Claim:
    both = cells_of_both(results, subject, "latent")
    found = [difference(deep, chain, "target_nll") for chain, deep in both]
    return Claim(
        claim=f"likelihood-chain-{subject.dataset}",
        text="beta-TCDLGMs are very sensitive to latent attack: -log p(target | z~) is lower than "
        "that of Seatbelt-VAEs of the same beta and L",
        paper="lower",
        measured={
            "lower": sum(each.value > 0 for each in found),
            "cells": len(found),
            "mean_tcdlgm": float(np.mean([each.second for each in found])) if found else math.nan,
            "mean_seatbelt": float(np.mean([each.first for each in found])) if found else math.nan,
            "dataset": subject.dataset,
        },
        holds=all_of(*(above(each, 0) for each in found)),
        note=f"{CELLS_NOTE} {CONFOUND_NOTE}",
    )


ITEM = Item(
    name="fig6",
    roles=ROLES,
    configs=whole_grid,
    attacks=MODES,
    draw=lambda results: draw_heatmaps(
        results, "target_nll", label="\u2212log p(target | z~), {} [nats]", name="likelihoods"
    ),
    claims=claims,
)
