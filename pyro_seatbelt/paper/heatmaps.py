"""Figures 6 and 7: attacks over beta and L."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.evaluation.auddc import auddc
from pyro_seatbelt.paper.claims import Claim, all_of
from pyro_seatbelt.paper.estimates import difference_of_means, ratio_of_means
from pyro_seatbelt.paper.grids import cell, cells_of_both, grid_of, median
from pyro_seatbelt.paper.growth import MODES, ROLES
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import CHAIN, DEEP, FLAT, attack_grid, jobs
from pyro_seatbelt.paper.results import Results, lettered, named, with_excess
from pyro_seatbelt.paper.scales import Scale, Subject
from pyro_seatbelt.plots import Heatmap, heatmap_rows
from pyro_seatbelt.sweeps.jobs import Job

CONFOUND_NOTE = (
    "A model that reconstructs the target itself worse has a larger -log p whatever the attack "
    "does; item l2 decides on the distance beyond that of the target's own reconstruction."
)
"""What else than protection makes a likelihood small."""

CELLS_NOTE = (
    "Holds if it is lower in every cell that both have; left open where the interval over pairs "
    "of one does."
)
"""When a claim about many models holds."""


def grid_jobs(scale: Scale) -> list[Job]:
    """All models of chairs and faces over beta and L."""
    return [
        job
        for subject in scale.distinct(*ROLES)
        for job in jobs(scale, attack_grid(scale, subject), *MODES)
    ]


def draw_likelihoods(results: Results) -> Drawn:
    """Draws Figure 6."""
    return _draw(results, "target_nll", "\u2212log p(target | z~), {} [nats]", "likelihoods")


def draw_objectives(results: Results) -> Drawn:
    """Draws Figure 7."""
    return _draw(results, "value", "Δ {} [nats]", "objectives")


def _draw(results: Results, column: str, label: str, name: str) -> Drawn:
    subjects = results.scale.distinct(*ROLES)
    places = [(model, subject) for model in (CHAIN, DEEP) for subject in subjects]
    titles = lettered(f"{named(model)}, {subject.dataset}" for model, subject in places)
    rows, records = [], []
    for mode in MODES:
        panels = []
        for (model, subject), title in zip(places, titles, strict=True):
            grid = grid_of(results, subject, mode, model, column)
            if not grid.values.size:
                continue
            betas = [f"{beta:g}" for beta in grid.betas]
            panels.append(Heatmap(title, grid.values, grid.layers, betas))
            for (row, place), value in np.ndenumerate(grid.values):
                records.append(
                    {
                        "dataset": subject.dataset,
                        "mode": mode,
                        "model": model,
                        "layers": grid.layers[row],
                        "beta": grid.betas[place],
                        "mean": value,
                        "num": int(grid.num[row, place]),
                    }
                )
        rows.append((label.format(mode), panels))
    figure = heatmap_rows(rows, xlabel="β", ylabel="L")
    return Drawn({name: figure}, {name: pd.DataFrame(records)})


def claim_likelihoods(results: Results) -> list[Claim]:
    """Seatbelt-VAEs protect much against latent attacks and somewhat against output attacks."""
    claims = []
    for subject in results.scale.distinct(*ROLES):
        for mode in MODES:
            corner, plain = _ends(results, subject, mode)
            farther = difference_of_means(corner, plain, "target_nll")
            own = difference_of_means(corner, plain, "l2_best_to_target")
            excess = difference_of_means(with_excess(corner), with_excess(plain), "l2_excess")
            claims.append(
                Claim(
                    claim=f"likelihood-{mode}-{subject.dataset}",
                    item="fig6",
                    text=f"Seatbelt-VAEs offer protection to {mode} attacks compared to vanilla "
                    "VAEs: -log p(target | z~) is larger",
                    source="Section 5.2, Figure 6",
                    paper="larger",
                    measured={
                        **farther.measured("seatbelt", "vae"),
                        "own l2 seatbelt": own.first,
                        "own l2 vae": own.second,
                        "l2 excess seatbelt": excess.first,
                        "l2 excess vae": excess.second,
                        **_about(subject),
                    },
                    holds=farther.exceeds(0),
                    note="The Seatbelt-VAE of the largest beta and L beside L = 1, beta = 1; nats, "
                    f"mean over pairs and lambda. {CONFOUND_NOTE}",
                )
            )
        claims.append(_chain_likelihood(results, subject))
    return claims


def _chain_likelihood(results: Results, subject: Subject) -> Claim:
    cells = [
        difference_of_means(deep, chain, "target_nll")
        for chain, deep in cells_of_both(results, subject, "latent")
    ]
    return Claim(
        claim=f"likelihood-chain-{subject.dataset}",
        item="fig6",
        text="beta-TCDLGMs are very sensitive to latent attack: -log p(target | z~) is lower than "
        "that of Seatbelt-VAEs of the same beta and L",
        source="Section 5.2, Figure 6",
        paper="lower",
        measured={
            **_counts([each.value for each in cells], 0),
            "mean_tcdlgm": float(np.mean([each.second for each in cells])) if cells else math.nan,
            "mean_seatbelt": float(np.mean([each.first for each in cells])) if cells else math.nan,
            "dataset": subject.dataset,
        },
        holds=all_of(*(each.exceeds(0) for each in cells)),
        note=f"{CELLS_NOTE} {CONFOUND_NOTE}",
    )


def claim_objectives(results: Results) -> list[Claim]:
    """Depth and disentangling together protect best; chains without skips stay open."""
    return [
        claim
        for subject in results.scale.distinct(*ROLES)
        for claim in (
            *_growth_claims(results, subject),
            _corner_claim(results, subject),
            _open_claim(results, subject),
            _below_claim(results, subject),
        )
    ]


def _growth_claims(results: Results, subject: Subject) -> list[Claim]:
    ratio = ratio_of_means(*_ends(results, subject, "latent"), "value")
    measured = {**ratio.measured("delta_high", "delta_low"), **_about(subject)}
    return [
        Claim(
            claim=f"seatbelt-growth-{subject.dataset}",
            text="Delta_latent of Seatbelt-VAEs grows towards the largest beta and L",
            paper="ratio above 1",
            holds=ratio.exceeds(1),
            note="The largest beta and L over L = 1, beta = 1. The objective sums over layers, so "
            "that a part of the growth is due to their number.",
            item="fig7",
            source="Section 5.2, Figure 7",
            measured=measured,
        ),
        Claim(
            claim=f"seatbelt-growth-size-{subject.dataset}",
            text="Delta_latent of Seatbelt-VAEs grows by a factor of about 10^7",
            paper=1e7,
            holds=ratio.exceeds(10**6.5),
            note="Holds if it rounds to that power of ten or a higher one, with all of its "
            "interval.",
            item="fig7",
            source="Section 5.2, Figure 7",
            measured=measured,
        ),
    ]


def _corner_claim(results: Results, subject: Subject) -> Claim:
    flat, plain, rest = [], [], []
    for depth in (1, *subject.layers):
        for beta in subject.betas:
            rows = cell(results, subject, "latent", DEEP, depth=depth, beta=beta)
            if len(rows):
                flat += [rows] if depth == 1 else []
                plain += [rows] if beta == subject.betas[0] else []
                rest += [rows] if depth > 1 and beta > subject.betas[0] else []
    bottom, left, others = (_medians(rows) for rows in (flat, plain, rest))
    over_bottom, over_left = (ratio_of_means(others, each, "value") for each in (bottom, left))
    values = grid_of(results, subject, "latent", DEEP, "value").values
    return Claim(
        claim=f"depth-and-beta-{subject.dataset}",
        item="fig7",
        text="Depth and disentangling together protect most: L = 1 and beta = 1 contain relatively "
        "low values",
        source="Section 5.2, Figure 7",
        paper="lower",
        measured={
            "median L = 1": over_bottom.second,
            "median beta = 1": over_left.second,
            "median of the others": over_left.first,
            **over_bottom.ends("over L = 1"),
            **over_left.ends("over beta = 1"),
            "largest": _largest(values),
            "models": int(np.isfinite(values).sum()),
            "dataset": subject.dataset,
        },
        holds=all_of(over_bottom.exceeds(1), over_left.exceeds(1)),
        note="Medians of Delta_latent over the models of L = 1, of beta = 1, and of the others, "
        "for each pair of images; then the mean over pairs.",
    )


def _medians(models: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The median over models of the mean objective, a row for each pair."""
    means = [rows["value"].astype(float).groupby(rows["pair"]).mean() for rows in models]
    if not means:
        return pd.DataFrame({"pair": [], "value": []})
    medians = pd.concat(means, axis=1).median(axis=1)
    return medians.rename("value").rename_axis("pair").reset_index()


def _open_claim(results: Results, subject: Subject) -> Claim:
    cells = [
        cell(results, subject, "latent", CHAIN, depth=depth, beta=beta)
        for depth in subject.chain_layers
        for beta in subject.chain_betas
    ]
    known = sorted(
        (rows for rows in cells if rows["value"].notna().any()),
        key=lambda rows: rows["value"].mean(),
    )
    nothing = results.attacks[:0]
    least, largest = (known[0], known[-1]) if known else (nothing, nothing)
    plain = cell(results, subject, "latent", FLAT, depth=1, beta=subject.betas[0])
    own = ratio_of_means(largest, least, "value")
    beside = ratio_of_means(largest, plain, "value")
    return Claim(
        claim=f"chain-open-{subject.dataset}",
        item="fig7",
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
        holds=all_of(_not(own.exceeds(10)), _not(beside.exceeds(10))),
        note="Holds if the largest Delta_latent of a beta-TCDLGM is at most ten times the least of "
        "them, over beta and L, and at most ten times that of the VAE (L = 1, beta = 1).",
    )


def _below_claim(results: Results, subject: Subject) -> Claim:
    both = cells_of_both(results, subject, "latent")
    cells = [ratio_of_means(deep, chain, "value") for chain, deep in both]
    ratios = np.array([1 / each.value for each in cells if each.value > 0])
    return Claim(
        claim=f"chain-below-seatbelt-{subject.dataset}",
        item="fig7",
        text="Seatbelt-VAEs are harder to attack than beta-TCDLGMs of the same beta and L",
        source="Section 5.2, Figure 7",
        paper="lower",
        measured={
            **_counts([each.value for each in cells], 1),
            "median ratio": median(ratios),
            "AUDDC tcdlgm": _mean_area([chain for chain, _ in both]),
            "AUDDC seatbelt": _mean_area([deep for _, deep in both]),
            "dataset": subject.dataset,
        },
        holds=all_of(*(each.exceeds(1) for each in cells)),
        note="Delta_latent of z1 for beta-TCDLGMs, of all layers for Seatbelt-VAEs, as the paper "
        "attacks them: a sum over L layers beside one of them, which favours the claim. The "
        "area under the distortion-distance curves (AUDDC, the mean of these models) does not "
        f"depend on the number of layers; larger is harder to attack. {CELLS_NOTE}",
    )


def _ends(results: Results, subject: Subject, mode: Mode) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The Seatbelt-VAE of the largest beta and L, and the VAE."""
    depth, (low, high) = max(subject.layers, default=1), subject.ends
    return (
        cell(results, subject, mode, DEEP, depth=depth, beta=high),
        cell(results, subject, mode, FLAT, depth=1, beta=low),
    )


def _mean_area(models: Sequence[pd.DataFrame]) -> float:
    """The mean over models of the area under their distortion-distance curves."""
    areas = [area.mean for rows in models if (area := auddc(rows)) is not None]
    known = [area for area in areas if math.isfinite(area)]
    return float(np.mean(known)) if known else math.nan


def _counts(values: Sequence[float], bound: float) -> dict[str, int]:
    """In how many cells the other model is above a bound."""
    return {"lower": sum(value > bound for value in values), "cells": len(values)}


def _about(subject: Subject) -> dict[str, float | int | str]:
    return {
        "beta": subject.ends[1],
        "layers": max(subject.layers, default=1),
        "dataset": subject.dataset,
    }


def _largest(values: NDArray[np.float64]) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else math.nan


def _not(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


FIG6 = Item(
    title="-log p(target | z~) of attacks over beta and L",
    source="Section 5.2, Figure 6",
    jobs=grid_jobs,
    draw=draw_likelihoods,
    claims=claim_likelihoods,
)

FIG7 = Item(
    title="Attack objectives over beta and L",
    source="Section 5.2, Figure 7",
    jobs=grid_jobs,
    draw=draw_objectives,
    claims=claim_objectives,
)
