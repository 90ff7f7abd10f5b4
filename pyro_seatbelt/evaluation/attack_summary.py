"""What the problems of an attack reached together.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Section 5.2
"""

import numpy as np
import pandas as pd

from pyro_seatbelt.evaluation.estimates import Estimate, estimate_mean

QUANTITIES: dict[str, str] = {
    "value": "objective Delta",
    "distance": "distance in Delta",
    "target_nll": "-log p(target | z~), nats",
    "l2_target": "L2 to target",
    "l2_clean": "L2 to clean recon.",
    "norm": "L2 of distortion",
}
"""The columns of a table that are summarised, with what they are, as a terminal writes it."""

LENGTHS = frozenset({"l2_target", "l2_clean", "norm"})
"""The columns that are never below 0: likelihoods are, and estimates of divergences may be."""

DAMAGE: dict[str, str] = {
    "distance": "distance from its own",
    "target_nll": "-log p(x | z~), nats",
    "l2_clean": "L2 to clean recon.",
    "norm": "L2 of distortion",
}
"""Those of an attack without a target: the larger, the less robust is a model."""


def summarise(table: pd.DataFrame) -> dict[str, Estimate]:
    """Averages what the problems of an attack reached.

    Problems that were retired count nowhere; larger means stand for a more robust model, of
    attacks without a target for a less robust one.

    Args:
        table: A row per problem.

    Returns:
        The estimates by column (:data:`QUANTITIES`, or :data:`DAMAGE` without targets), without
        those that need a model where there was none.

    Example:
        >>> table = pd.DataFrame({"pair": [0, 0, 1, 1], "norm": [1.0, 2.0, 3.0, 4.0]})
        >>> summarise(table)["norm"].mean
        2.5
    """
    kept = table[table["stop"] != "nan"] if "stop" in table else table
    return {
        column: estimate_mean(kept, column, positive=column in LENGTHS)
        for column in (QUANTITIES if has_targets(table) else DAMAGE)
        if column in kept and kept[column].notna().any()
    }


def has_targets(table: pd.DataFrame) -> bool:
    """Whether the problems of an attack have targets.

    Args:
        table: A row per problem.

    Example:
        >>> has_targets(pd.DataFrame({"targeted": [False, False]}))
        False
    """
    return "targeted" not in table or bool(table["targeted"].all())


def count_failed(table: pd.DataFrame) -> int | None:
    """Counts the problems that ended above one of their two ends, or were retired.

    Args:
        table: A row per problem.

    Returns:
        How many; None if the attack did not look, as those of version 0.1.0.

    Example:
        >>> count_failed(pd.DataFrame({"failed": [True, False, None]}))
        1
    """
    known = table["failed"].dropna() if "failed" in table else ()
    return int(sum(known)) if len(known) else None


def shown_rows(table: pd.DataFrame) -> dict[int, int]:
    """The problem of each pair that the paper's figures show.

    It is the one whose objective is just better, for the attacker, than the mean over the
    weights: the largest value that is not above it.

    Args:
        table: A row per problem, numbered from 0.

    Returns:
        Row numbers by the pair's number; pairs all of whose problems were retired are left out.

    Example:
        >>> shown_rows(pd.DataFrame({"pair": [0, 0, 0], "value": [1.0, 2.0, 9.0]}))
        {0: 1}
    """
    kept = table[np.isfinite(table["value"])]
    if "stop" in kept:
        kept = kept[kept["stop"] != "nan"]
    rows: dict[int, int] = {}
    for pair, values in kept.groupby("pair", sort=True)["value"]:
        better = values[values <= values.mean()]
        # the mean of equal numbers may be rounded to below them
        rows[int(pair)] = int((better if len(better) else values).idxmax())
    return rows
