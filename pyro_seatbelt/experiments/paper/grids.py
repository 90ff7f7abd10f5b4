"""Means over the problems of attacks, for every beta and L."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.experiments.paper.members import DEEP, FLAT
from pyro_seatbelt.experiments.paper.results import Results, pick, problems
from pyro_seatbelt.experiments.paper.scales import Subject


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

    @property
    def corner(self) -> float:
        """The value at the largest beta and L."""
        return float(self.values[-1, -1]) if self.values.size else math.nan


def grid_of(results: Results, subject: Subject, mode: Mode, model: str, column: str) -> Grid:
    """Averages a column over the problems of every model; Seatbelt-VAEs of L = 1 are flat."""
    rows = pick(problems(results.attacks, mode), dataset=subject.dataset)
    if model == DEEP:
        betas, layers = subject.betas, (1, *subject.layers)
    else:
        betas, layers = subject.chain_betas, subject.chain_layers
    values = np.full((len(layers), len(betas)), np.nan)
    num = np.zeros(values.shape, dtype=np.int64)
    for row, depth in enumerate(layers):
        for column_number, beta in enumerate(betas):
            cell = pick(rows, model=FLAT if depth == 1 else model, layers=depth, beta=beta)
            known = cell[column].astype(float).dropna()
            num[row, column_number] = len(known)
            if len(known):
                values[row, column_number] = known.mean()
    return Grid(values, layers, betas, num)


def cells_of_both(one: Grid, other: Grid) -> list[tuple[float, float]]:
    """Returns the values of both grids at every beta and L that both have."""
    cells = [
        (
            float(one.values[one.layers.index(depth), one.betas.index(beta)]),
            float(other.values[other.layers.index(depth), other.betas.index(beta)]),
        )
        for depth in one.layers
        for beta in one.betas
        if depth in other.layers and beta in other.betas
    ]
    return [cell for cell in cells if all(map(math.isfinite, cell))]


def median(values: NDArray[np.float64]) -> float:
    """Returns the median of what is known; NaN of nothing."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan
