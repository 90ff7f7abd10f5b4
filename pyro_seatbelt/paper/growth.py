"""How much harder attacks get from the least to the largest beta."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.paper.claims import Claim, Number, above
from pyro_seatbelt.paper.measurements import Contrast, difference, ratio
from pyro_seatbelt.paper.names import model_title
from pyro_seatbelt.paper.results import Results, pick
from pyro_seatbelt.paper.scale import FLAT, MODELS, Subject

EXCESS_NOTE = (
    "Decided on the excess: the distance from the target less that of the target's own "
    "reconstruction. The raw distance, whose ratio is given, grows as well where beta blurs "
    "reconstructions."
)
"""Why distances are not compared as they are."""


class Size(NamedTuple):
    """How many times an objective grows in the paper, and when it does here.

    Attributes:
        text: What the paper says.
        factor: The paper's number.
        bound: What the ratio must be above.
        note: Why that one.
    """

    text: str
    factor: float
    bound: float
    note: str


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
        model_title(model, layers=None if model == FLAT else depth): pick(
            attacked, model=model, layers=depth
        )
        for model in MODELS
        for depth in subject.deepest(model)
    }
    return {name: rows for name, rows in found.items() if len(rows)}


def growth_claims(
    grown: Contrast,
    name: str,
    of: str,
    *,
    about: Mapping[str, Number],
    text: str,
    note: str,
    size: Size,
) -> list[Claim]:
    """Claims that an objective grows, and how much.

    Args:
        grown: What it is at the end, over what it is at the start.
        name: What the claims are called.
        of: What they are about, such as a data set: their names end in it.
        about: What the growth is between.
        text: What the paper says of the direction.
        note: What to bear in mind there.
        size: What it says of the size.
    """
    measured = {**grown.numbers("delta_high", "delta_low"), **about}
    return [
        Claim(
            claim=f"{name}-{of}",
            text=text,
            paper="ratio above 1",
            measured=measured,
            holds=above(grown, 1),
            note=note,
        ),
        Claim(
            claim=f"{name}-size-{of}",
            text=size.text,
            paper=size.factor,
            measured=measured,
            holds=above(grown, size.bound),
            note=size.note,
        ),
    ]


def excess_claim(
    farther: pd.DataFrame,
    nearer: pd.DataFrame,
    name: str,
    *,
    sides: tuple[str, str],
    about: Mapping[str, Number],
    text: str,
    note: str,
) -> Claim:
    """Claims that attacks on one side leave more beyond the target's own reconstruction.

    Args:
        farther: The problems of the side with the larger excess.
        nearer: Those of the other one.
        name: What the claim is called.
        sides: What its numbers call the two.
        about: What they are.
        text: What the paper says.
        note: What to bear in mind, besides what goes for every excess.
    """
    excess = difference(farther, nearer, "l2_excess")
    raw, own = (ratio(farther, nearer, column) for column in ("l2_target", "l2_best_to_target"))
    first, second = sides
    return Claim(
        claim=name,
        text=text,
        paper="a larger excess",
        measured={
            **excess.numbers(f"excess_{first}", f"excess_{second}"),
            **raw.ends("l2_ratio"),
            f"l2_{first}": raw.first,
            f"l2_{second}": raw.second,
            f"own_{first}": own.first,
            f"own_{second}": own.second,
            **about,
        },
        holds=above(excess, 0),
        note=f"{note} {EXCESS_NOTE}",
    )
