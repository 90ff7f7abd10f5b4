"""How much harder attacks get from the least to the largest beta."""

import pandas as pd

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.paper.names import named
from pyro_seatbelt.paper.results import Results, pick
from pyro_seatbelt.paper.scale import FLAT, MODELS, Subject

EXCESS_NOTE = (
    "Decided on the excess: the distance from the target less that of the target's own "
    "reconstruction. The raw distance, whose ratio is given, grows as well where beta blurs "
    "reconstructions."
)
"""Why distances are not compared as they are."""


def at_ends(
    results: Results, subject: Subject, mode: Mode, model: str = FLAT
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the problems of the deepest of a model at the largest beta, and at the least."""
    depth = 1 if model == FLAT else subject.max_layers
    low, high = (
        results.problems(mode, dataset=subject.dataset, model=model, layers=depth, beta=beta)
        for beta in subject.ends
    )
    return high, low


def between_ends(subject: Subject) -> dict[str, float | str]:
    """Says what a growth is between, for a claim."""
    low, high = subject.ends
    return {"beta_low": low, "beta_high": high, "dataset": subject.dataset}


def representatives(attacked: pd.DataFrame, subject: Subject) -> dict[str, pd.DataFrame]:
    """Returns the rows of the flat models and the deepest of the others, by name."""
    found = {
        named(model, layers=None if model == FLAT else depth): pick(
            attacked, model=model, layers=depth
        )
        for model in MODELS
        for depth in subject.deepest(model)
    }
    return {name: rows for name, rows in found.items() if len(rows)}
