"""Tables of a quantity against beta, and the lines drawn from them."""

from collections.abc import Sequence

import pandas as pd

from pyro_seatbelt.paper.estimates import interval
from pyro_seatbelt.plots import Band

COLUMNS = ("beta", "mean", "low", "high", "num")


def against_beta(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Averages a column at every beta.

    Args:
        rows: A row for each run or problem, with `beta`.
        column: What to average.

    Returns:
        Ascending in `beta`, with `mean`, `low`, `high` (95 % CI) and `num`.

    Example:
        >>> runs = pd.DataFrame({"beta": [1.0, 1.0, 4.0], "elbo": [2.0, 4.0, 1.0]})
        >>> against_beta(runs, "elbo")["mean"].tolist()
        [3.0, 1.0]
    """
    records = [
        (beta, *interval(group[column].astype(float)))
        for beta, group in rows.groupby("beta", sort=True)
    ]
    return pd.DataFrame(records, columns=list(COLUMNS)).astype(float)


def band(rows: pd.DataFrame, column: str, *, dots: bool = False) -> Band:
    """Makes a line with shading of a column against beta.

    Args:
        rows: A row for each run or problem, with `beta`.
        column: What to draw.
        dots: Whether to show single values, too.
    """
    table = against_beta(rows, column)
    single: Sequence[tuple[float, float]] = ()
    if dots:
        single = [(float(x), float(y)) for x, y in zip(rows["beta"], rows[column], strict=True)]
    x, mean, low, high = (table[name].tolist() for name in COLUMNS[:4])
    # Student's interval of two values is a dozen times as wide as they are apart
    return Band(x, mean, low, high, single, may_leave=bool((table["num"] == 2).any()))


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Puts tables below each other; without one, an empty one.

    Args:
        tables: With the same columns.
    """
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
