"""What the sections of a page are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Interval(NamedTuple):
    """A mean with a confidence interval; NaN where there is none.

    Attributes:
        mean: The mean.
        low: Lower end.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


Cell = str | float | Interval | None
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
class Setting:
    """A field of a configuration.

    Attributes:
        name: Its name.
        value: What it was.
        description: What it means.
        chosen: Whether it differs from the default.
    """

    name: str
    value: str
    description: str = ""
    chosen: bool = False


@dataclass(frozen=True, kw_only=True)
class SettingGroup:
    """Settings under a heading.

    Attributes:
        title: The heading.
        settings: The settings.
    """

    title: str
    settings: Sequence[Setting]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a chart.

    Attributes:
        name: What it is.
        x: Where its points are, not decreasing.
        y: Their values; what is not finite is left out.
        look: Number of its colour and dashes; None for its place among the lines.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    look: int | None = None


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Lines over a common axis.

    Attributes:
        title: What it shows.
        x_label: Name of the horizontal axis.
        y_label: Unit of the vertical one.
        lines: The lines.
        note: A sentence below.
        skip_start: Whether the first twentieth, often far from the rest, may be cut off.
        markers: Whether every point has a dot.
        listed: Whether a table has the same numbers.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    note: str = ""
    skip_start: bool = False
    markers: bool = False
    listed: bool = True


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of numbers and words.

    Attributes:
        caption: What it shows.
        headings: Names of the columns.
        rows: A value for each column; intervals show their mean and their ends.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that is kept in the page.

    Attributes:
        title: What it shows.
        source: The picture, a data URI.
        width: In pixels.
        height: In pixels.
        num_bytes: How large it is, before it became text.
        animation: The same, moving.
    """

    title: str
    source: str
    width: int
    height: int
    num_bytes: int
    animation: "Picture | None" = None


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Pictures under a heading.

    Attributes:
        title: The heading.
        pictures: The pictures.
        notes: What could not be shown.
    """

    title: str
    pictures: Sequence[Picture]
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What stands where there is nothing to show yet.

    Attributes:
        text: What is missing.
        command: What makes it.
    """

    text: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Decomposition:
    """A whole and its parts, in nats per image.

    Attributes:
        title: What the whole is.
        parts: Names and sizes.
        note: A sentence below.
    """

    title: str
    parts: Sequence[tuple[str, float]]
    note: str = ""
