"""Means over the problems of attacks, for every beta and L."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.paper.members import CHAIN, DEEP, FLAT
from pyro_seatbelt.paper.results import Results, pick, problems
from pyro_seatbelt.paper.scales import Subject


class Grid(NamedTuple):
    """Means of a quantity over beta and L.

    Attributes:
        values: Shape `(layers, betas)`; NaN where there is none.
        layers: Depths, ascending.
        betas: Weights, ascending.
        num: Problems in each mean, of the same shape.
    """

    values: NDArray[np.float64]
    layers: tuple[int, ...]
    betas: tuple[float, ...]
    num: NDArray[np.int64]


def grid_of(results: Results, subject: Subject, mode: Mode, model: str, column: str) -> Grid:
    """Averages a column over the problems of every model; Seatbelt-VAEs of L = 1 are flat."""
    if model == DEEP:
        betas, layers = subject.betas, (1, *subject.layers)
    else:
        betas, layers = subject.chain_betas, subject.chain_layers
    values = np.full((len(layers), len(betas)), np.nan)
    num = np.zeros(values.shape, dtype=np.int64)
    for row, depth in enumerate(layers):
        for column_number, beta in enumerate(betas):
            rows = cell(results, subject, mode, model, depth=depth, beta=beta)
            known = rows[column].astype(float).dropna()
            num[row, column_number] = len(known)
            if len(known):
                values[row, column_number] = known.mean()
    return Grid(values, layers, betas, num)


def cell(
    results: Results, subject: Subject, mode: Mode, model: str, *, depth: int, beta: float
) -> pd.DataFrame:
    """Returns the problems of one model; Seatbelt-VAEs of L = 1 are flat."""
    rows = pick(
        results.attacks,
        dataset=subject.dataset,
        model=FLAT if depth == 1 else model,
        layers=depth,
        beta=beta,
    )
    return problems(rows, mode)


def cells_of_both(
    results: Results, subject: Subject, mode: Mode
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Returns the problems of chains and Seatbelt-VAEs at every beta and L that both have."""
    cells = [
        (
            cell(results, subject, mode, CHAIN, depth=depth, beta=beta),
            cell(results, subject, mode, DEEP, depth=depth, beta=beta),
        )
        for depth in subject.chain_layers
        for beta in subject.chain_betas
        if depth in (1, *subject.layers) and beta in subject.betas
    ]
    return [(chain, deep) for chain, deep in cells if len(chain) and len(deep)]


def median(values: NDArray[np.float64]) -> float:
    """Returns the median of what is known; NaN of nothing."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan
