"""What several sections of a page are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

NATS = "nats per image"
"""The unit of most numbers."""

KL_PARTS = {
    "mutual_information": "mutual information",
    "total_correlation": "total correlation",
    "dimension_wise_kl": "dimension-wise KL",
}
"""What the KL of the top layer consists of, by the names that records and evaluations use."""


class MeanCI(NamedTuple):
    """A mean with a confidence interval; NaN where there is none.

    Attributes:
        mean: The mean.
        low: Lower end.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


Cell = str | float | MeanCI | None
"""What stands in a table."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A number or a word with a name.

    Attributes:
        label: Its name.
        value: What it is; None if it is not known.
        unit: Its unit.
        note: What else a reader should know.
    """

    label: str
    value: str | float | None
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of numbers and words.

    Attributes:
        caption: What it shows.
        headings: Names of the columns.
        rows: A value for each column.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What stands where there is nothing to show yet.

    Attributes:
        text: What is missing.
        command: What makes it.
    """

    text: str
    command: str
