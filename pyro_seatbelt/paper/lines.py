"""Means of a quantity against beta: the numbers, and the lines drawn from them."""

from collections.abc import Iterable, Sequence

import pandas as pd

from pyro_seatbelt.evaluation.attack_summary import LENGTHS
from pyro_seatbelt.paper.measurements import mean
from pyro_seatbelt.plots import Band

SHADING = "shading: 95 % CI over pairs, penalties λ and numbers of latent dimensions"
"""What the shading of a line is whose means are over the problems of attacks."""


def against_beta(rows: pd.DataFrame, column: str, **labels: object) -> pd.DataFrame:
    """Averages a column at every beta.

    Args:
        rows: A row for each run or problem, with `beta`.
        column: What to average.
        labels: Values of more columns, which come first: what the line is of.

    Returns:
        Ascending in `beta`, with `mean`, `low`, `high` (95 % CI) and `num`.

    Example:
        >>> runs = pd.DataFrame({"beta": [1.0, 1.0, 4.0], "elbo": [2.0, 4.0, 1.0]})
        >>> against_beta(runs, "elbo", model="vae")[["model", "mean"]].values.tolist()
        [['vae', 3.0], ['vae', 1.0]]
    """
    positive = column in LENGTHS
    found = {
        beta: mean(group[column].astype(float), positive=positive)
        for beta, group in rows.groupby("beta")
    }
    records = [(beta, each.value, each.low, each.high, each.num) for beta, each in found.items()]
    columns = ["beta", "mean", "low", "high", "num"]
    table = pd.DataFrame(records, columns=columns).astype(float)
    for place, (name, value) in enumerate(labels.items()):
        table.insert(place, name, value)
    return table


def band(table: pd.DataFrame, dots: Iterable[tuple[float, float]] = ()) -> Band:
    """Makes a line with shading of the numbers of :func:`against_beta`.

    Args:
        table: The numbers.
        dots: Single values to show behind it, too: beta and the value.
    """
    x, middle, low, high = (table[name].tolist() for name in ("beta", "mean", "low", "high"))
    # the interval of two values is a dozen times as wide as they are apart, or wider
    leaves = bool((table["num"] == 2).any())
    return Band(x, middle, low, high, tuple(dots), may_leave=leaves)


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Puts tables below each other; without one, an empty one.

    Args:
        tables: With the same columns.
    """
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
