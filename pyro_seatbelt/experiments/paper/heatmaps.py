"""Figures 6 and 7: attacks over beta and L."""

import math

import numpy as np
import pandas as pd

from pyro_seatbelt.experiments.jobs import Job
from pyro_seatbelt.experiments.paper.claims import Claim, above, all_of
from pyro_seatbelt.experiments.paper.estimates import ratio_of_means
from pyro_seatbelt.experiments.paper.grids import Grid, cells_of_both, grid_of, median
from pyro_seatbelt.experiments.paper.growth import MODES, ROLES
from pyro_seatbelt.experiments.paper.item import Drawn, Item
from pyro_seatbelt.experiments.paper.members import CHAIN, DEEP, FLAT, attack_grid, jobs
from pyro_seatbelt.experiments.paper.results import Results, lettered, named, pick, problems
from pyro_seatbelt.experiments.paper.scales import Scale, Subject
from pyro_seatbelt.plots import Heatmap, heatmap_rows


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
            deep = grid_of(results, subject, mode, DEEP, "target_nll")
            plain, corner = float(deep.values[0, 0]), deep.corner
            claims.append(
                Claim(
                    claim=f"likelihood-{mode}-{subject.dataset}",
                    item="fig6",
                    text=f"Seatbelt-VAEs offer protection to {mode} attacks compared to vanilla "
                    "VAEs: -log p(target | z~) is larger",
                    source="Section 5.2, Figure 6",
                    paper="larger",
                    measured={
                        "seatbelt": corner,
                        "vae": plain,
                        "ratio": corner / plain,
                        "difference": corner - plain,
                        **_corner(deep, subject),
                    },
                    holds=above(corner - plain, 0),
                    note="The Seatbelt-VAE of the largest beta and L beside L = 1, beta = 1; nats, "
                    "mean over pairs and lambda.",
                )
            )
        claims.append(_chain_likelihood(results, subject))
    return claims


def _chain_likelihood(results: Results, subject: Subject) -> Claim:
    chain = grid_of(results, subject, "latent", CHAIN, "target_nll")
    deep = grid_of(results, subject, "latent", DEEP, "target_nll")
    pairs = cells_of_both(chain, deep)
    lower = sum(one < other for one, other in pairs)
    return Claim(
        claim=f"likelihood-chain-{subject.dataset}",
        item="fig6",
        text="beta-TCDLGMs are very sensitive to latent attack: -log p(target | z~) is lower than "
        "that of Seatbelt-VAEs of the same beta and L",
        source="Section 5.2, Figure 6",
        paper="lower",
        measured={
            "lower": lower,
            "cells": len(pairs),
            "mean_tcdlgm": float(np.mean([one for one, _ in pairs])) if pairs else math.nan,
            "mean_seatbelt": float(np.mean([other for _, other in pairs])) if pairs else math.nan,
            "dataset": subject.dataset,
        },
        holds=lower == len(pairs) if pairs else None,
        note="Holds if it is in every cell that both have.",
    )


def claim_objectives(results: Results) -> list[Claim]:
    """Depth and disentangling together protect best; chains without skips stay open."""
    claims = []
    for subject in results.scale.distinct(*ROLES):
        deep = grid_of(results, subject, "latent", DEEP, "value")
        chain = grid_of(results, subject, "latent", CHAIN, "value")
        claims += [
            *_growth_claims(results, subject, deep),
            _corner_claim(subject, deep),
            *_chain_claims(subject, deep, chain),
        ]
    return claims


def _growth_claims(results: Results, subject: Subject, deep: Grid) -> list[Claim]:
    rows = pick(problems(results.attacks, "latent"), dataset=subject.dataset)
    depth = deep.layers[-1]
    corner = pick(rows, model=FLAT if depth == 1 else DEEP, layers=depth, beta=deep.betas[-1])
    ratio = ratio_of_means(corner, pick(rows, model=FLAT, beta=deep.betas[0]), "value")
    measured = {**ratio.measured("delta_high", "delta_low"), **_corner(deep, subject)}
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
            holds=above(ratio.value, 10**6.5),
            note="Holds if it rounds to that power of ten or a higher one.",
            item="fig7",
            source="Section 5.2, Figure 7",
            measured=measured,
        ),
    ]


def _corner_claim(subject: Subject, deep: Grid) -> Claim:
    bottom, left = median(deep.values[0]), median(deep.values[:, 0])
    rest = median(deep.values[1:, 1:])
    known = np.isfinite(deep.values)
    return Claim(
        claim=f"depth-and-beta-{subject.dataset}",
        item="fig7",
        text="Depth and disentangling together protect most: L = 1 and beta = 1 contain relatively "
        "low values",
        source="Section 5.2, Figure 7",
        paper="lower",
        measured={
            "median L = 1": bottom,
            "median beta = 1": left,
            "median of the others": rest,
            "largest": float(np.nanmax(deep.values)) if known.any() else math.nan,
            "models": int(known.sum()),
            "dataset": subject.dataset,
        },
        holds=all_of(above(rest - bottom, 0), above(rest - left, 0)),
        note="Medians of Delta_latent over the models of L = 1, of beta = 1, and of the others.",
    )


def _chain_claims(subject: Subject, deep: Grid, chain: Grid) -> list[Claim]:
    plain = float(deep.values[0, 0])
    known = chain.values[np.isfinite(chain.values)]
    largest = float(known.max()) if len(known) else math.nan
    pairs = cells_of_both(chain, deep)
    lower = sum(one < other for one, other in pairs)
    return [
        Claim(
            claim=f"chain-open-{subject.dataset}",
            item="fig7",
            text="beta-TCDLGMs are very sensitive to latent attack regardless of beta and L",
            source="Sections 4 and 5.2, Figure 7, Appendix",
            paper="no growth",
            measured={
                "largest over vae": largest / plain,
                "largest": largest,
                "least": float(known.min()) if len(known) else math.nan,
                "vae": plain,
                "models": len(known),
                "dataset": subject.dataset,
            },
            holds=_not(above(largest / plain, 10)),
            note="Holds if no Delta_latent of a beta-TCDLGM is more than ten times that of the "
            "VAE (L = 1, beta = 1).",
        ),
        Claim(
            claim=f"chain-below-seatbelt-{subject.dataset}",
            item="fig7",
            text="Seatbelt-VAEs are harder to attack than beta-TCDLGMs of the same beta and L",
            source="Section 5.2, Figure 7",
            paper="lower",
            measured={
                "lower": lower,
                "cells": len(pairs),
                "median ratio": median(np.array([one / other for one, other in pairs])),
                "dataset": subject.dataset,
            },
            holds=lower == len(pairs) if pairs else None,
            note="Delta_latent of z1 for beta-TCDLGMs, of all layers for Seatbelt-VAEs, as the "
            "paper attacks them; holds if it is lower in every cell that both have.",
        ),
    ]


def _corner(grid: Grid, subject: Subject) -> dict[str, float | int | str]:
    return {
        "beta": grid.betas[-1],
        "layers": grid.layers[-1],
        "problems": int(grid.num[-1, -1]),
        "dataset": subject.dataset,
    }


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
