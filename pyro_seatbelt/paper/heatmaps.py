"""Attacks on every model over beta and L, and means over their problems as heatmaps."""

import pandas as pd

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.paper.item import Drawn
from pyro_seatbelt.paper.names import model_title, with_letters
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import CHAIN, DEEP, FLAT, Role, Subject
from pyro_seatbelt.plots import Heatmap, heatmap_rows

ROLES: tuple[Role, ...] = ("chairs", "faces")
"""The data sets of Figures 6 and 7."""

MODES: tuple[Mode, ...] = ("latent", "output")
"""Their attacks."""

CELLS_NOTE = (
    "Holds if it is lower in every cell that both have; left open where the interval over pairs "
    "of one does."
)
"""When a claim about many models holds."""

Cells = dict[tuple[int, float], pd.DataFrame]
"""The problems of models by their L and beta."""


def cells(results: Results, subject: Subject, mode: Mode, model: str) -> Cells:
    """Returns the problems of every L and beta of a model; Seatbelt-VAEs of L = 1 are flat.

    Args:
        results: Where to look.
        subject: The data set.
        mode: The attack.
        model: Seatbelt-VAEs or beta-TCDLGMs.

    Returns:
        Ascending in L, then in beta; without rows where nothing was run.
    """
    about = {"dataset": subject.dataset}
    depths = (1, *subject.layers) if model == DEEP else subject.chain_layers
    return {
        (depth, beta): results.problems(
            mode, model=FLAT if depth == 1 else model, layers=depth, beta=beta, **about
        )
        for depth in depths
        for beta in subject.betas_of(model)
    }


def cells_of_both(
    results: Results, subject: Subject, mode: Mode
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Returns the problems of chains and Seatbelt-VAEs at every beta and L that both have."""
    chains, deep = (cells(results, subject, mode, model) for model in (CHAIN, DEEP))
    return [
        (rows, deep[place])
        for place, rows in chains.items()
        if place in deep and len(rows) and len(deep[place])
    ]


def corners(results: Results, subject: Subject, mode: Mode) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the problems of the Seatbelt-VAE of the largest beta and L, and of the VAE."""
    low, high = subject.ends
    found = cells(results, subject, mode, DEEP)
    return found[subject.max_layers, high], found[1, low]


def about_corner(subject: Subject) -> dict[str, float | int | str]:
    """Says which Seatbelt-VAE that is, for a claim."""
    return {"beta": subject.ends[1], "layers": subject.max_layers, "dataset": subject.dataset}


def draw_heatmaps(results: Results, column: str, *, label: str, name: str) -> Drawn:
    """Draws the mean of a column over beta and L: a row per attack, a panel per model and set.

    Args:
        results: Where the problems are.
        column: What to average.
        label: What the colours are, with `{}` for the attack.
        name: Of the figure and its table.
    """
    subjects = results.scale.distinct(*ROLES)
    places = [(model, subject) for model in (CHAIN, DEEP) for subject in subjects]
    titles = with_letters(f"{model_title(model)}, {subject.dataset}" for model, subject in places)
    rows, records = [], []
    for mode in MODES:
        panels = []
        for (model, subject), title in zip(places, titles, strict=True):
            found = cells(results, subject, mode, model)
            if not found:
                continue
            about = {"dataset": subject.dataset, "mode": mode, "model": model}
            values = {place: each[column].astype(float).dropna() for place, each in found.items()}
            table = pd.DataFrame(
                [
                    {**about, "layers": depth, "beta": beta, "mean": each.mean(), "num": len(each)}
                    for (depth, beta), each in values.items()
                ]
            )
            grid = table.pivot(index="layers", columns="beta", values="mean")
            betas = [f"{beta:g}" for beta in grid.columns]
            panels.append(Heatmap(title, grid.to_numpy(), grid.index.tolist(), betas))
            records.append(table)
        rows.append((label.format(mode), panels))
    figure = heatmap_rows(rows, xlabel="β", ylabel="L")
    return Drawn({name: figure}, {name: pd.concat(records, ignore_index=True)})
