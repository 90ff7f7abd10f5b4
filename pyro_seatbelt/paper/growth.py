"""How much harder attacks get from the least to the largest beta."""

from collections.abc import Sequence

import pandas as pd

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.paper.estimates import (
    Comparison,
    difference_of_means,
    ratio_of_means,
)
from pyro_seatbelt.paper.members import CHAIN, DEEP, FLAT
from pyro_seatbelt.paper.results import (
    Results,
    named,
    pick,
    problems,
    with_excess,
)
from pyro_seatbelt.paper.scales import Role, Subject

ROLES: tuple[Role, ...] = ("chairs", "faces")
"""The data sets of Figures 5, 6 and 7."""

MODES: tuple[Mode, ...] = ("latent", "output")
"""Their attacks."""

SHADING = "shading: 95 % CI over pairs, ||z|| and λ"
"""What the shading of their lines is."""

EXCESS_NOTE = (
    "Decided on the excess: the distance from the target less that of the target's own "
    "reconstruction. The raw distance, whose ratio is given, grows as well where beta blurs "
    "reconstructions."
)
"""Why distances are not compared as they are."""

VAE_NOTE = "a VAE being the beta-TCVAE with beta = 1, whose objective is the same."


def growth(
    results: Results, subject: Subject, mode: Mode, column: str = "value", model: str = FLAT
) -> Comparison:
    """How many times larger a quantity is at the largest beta than at the least one."""
    low, high = _at_ends(results, subject, mode, model)
    return ratio_of_means(high, low, column)


def excess_growth(results: Results, subject: Subject, mode: Mode, model: str = FLAT) -> Comparison:
    """By how much the excess distance to the target grows from the least to the largest beta."""
    low, high = _at_ends(results, subject, mode, model)
    return difference_of_means(with_excess(high), with_excess(low), "l2_excess")


def _at_ends(
    results: Results, subject: Subject, mode: Mode, model: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The problems at the least and at the largest beta."""
    rows = pick(problems(results.attacks, mode), dataset=subject.dataset, model=model)
    low, high = (pick(rows, beta=beta) for beta in subject.ends)
    return low, high


def about_growth(subject: Subject) -> dict[str, float | str]:
    """What a growth is between."""
    return {
        "beta_low": subject.ends[0],
        "beta_high": subject.ends[1],
        "dataset": subject.dataset,
    }


def representatives(attacked: pd.DataFrame, subject: Subject) -> list[tuple[str, pd.DataFrame]]:
    """Returns the rows of the flat models and the deepest of the others, by name."""
    chosen: Sequence[tuple[str, int]] = [
        (FLAT, 1),
        *[(CHAIN, depth) for depth in subject.chain_layers[-1:]],
        *[(DEEP, depth) for depth in subject.layers[-1:]],
    ]
    found = [
        (
            named(model, layers=None if model == FLAT else depth),
            pick(attacked, model=model, layers=depth),
        )
        for model, depth in chosen
    ]
    return [(name, rows) for name, rows in found if len(rows)]


def labelled(table: pd.DataFrame, subject: Subject, mode: Mode) -> pd.DataFrame:
    """Puts the data set and the attack into the first columns of a table."""
    table.insert(0, "mode", mode)
    table.insert(0, "dataset", subject.dataset)
    return table
