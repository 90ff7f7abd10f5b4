"""What a page shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pyro_seatbelt.report.sprite import Sprite


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
    rows: Sequence[Sequence[str | float | Interval | None]]


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


@dataclass(frozen=True, kw_only=True)
class EvaluationSection:
    """The numbers of a trained run.

    Attributes:
        facts: The first ones to read.
        decomposition: The KL and its parts.
        charts: More of them, drawn.
        tables: And listed.
        note: Where they come from.
        advice: How to get more.
    """

    facts: Sequence[Fact]
    decomposition: Decomposition | None = None
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    note: str = ""
    advice: Advice | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    r"""One attack on one pair with one penalty.

    Attributes:
        weight: The penalty :math:`\lambda`.
        value: The final objective :math:`\Delta`.
        distance: Its distance alone.
        norm: :math:`\|d\|_2`.
        target_nll: :math:`-\log p(x_t \mid \tilde z)`, nats.
        l2_target: Distance of the adversarial reconstruction from the target.
        l2_clean: Its distance from the reconstruction of the input.
        stop: Why the optimiser stopped.
        cells: Places of the adversarial input, the distortion and the adversarial reconstruction
            in the sprite of the pair.
    """

    weight: float
    value: float
    distance: float
    norm: float
    target_nll: float
    l2_target: float
    l2_clean: float
    stop: str
    cells: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class PairView:
    """An input and a target, and what was found between them.

    Attributes:
        label: Its name.
        sprite: All its images.
        cells: Places of the input, its reconstruction and the target in the sprite.
        problems: One for each penalty, the smallest first.
        shown: Which of them the paper's figures would show.
    """

    label: str
    sprite: Sprite
    cells: tuple[int, int, int]
    problems: Sequence[Problem]
    shown: int


@dataclass(frozen=True, kw_only=True)
class AttackSection:
    """One attack on a run.

    Attributes:
        label: Its name.
        facts: How it was made.
        summary: Means over its problems.
        chart: Its distortion-distance curves.
        pairs: What can be looked at, pair by pair.
        note: What is left out.
    """

    label: str
    facts: Sequence[Fact]
    summary: Table
    chart: Chart | None
    pairs: Sequence[PairView]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class RunSection:
    """One run.

    Attributes:
        name: Its name.
        headline: What it is, in a line.
        facts: What to know of it first.
        settings: Its configuration.
        charts: How training went.
        galleries: Its figures.
        evaluation: Its numbers.
        attacks: What attacks found; advice if there are none.
        notes: What cannot be read.
    """

    name: str
    headline: str
    facts: Sequence[Fact] = ()
    settings: Sequence[SettingGroup] = ()
    charts: Sequence[Chart] = ()
    galleries: Sequence[Gallery] = ()
    evaluation: EvaluationSection | Advice | None = None
    attacks: Sequence[AttackSection] | Advice = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the comparison.

    Attributes:
        label: Its name.
        unit: Its unit.
        note: What it means.
    """

    label: str
    unit: str = ""
    note: str = ""


Cell = str | float | Interval | None
"""What stands in a table."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Several runs side by side.

    Attributes:
        columns: What is compared.
        rows: A value for each column, a run a row, in the order of the page's runs.
        charts: Curves of all runs.
        note: What to mind.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    charts: Sequence[Chart] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a paper says, and what was measured.

    Attributes:
        item: The figure or table it belongs to.
        text: What the paper claims.
        source: Where it does.
        dataset: The data on which it was looked at.
        paper: Its number or words.
        measured: Our numbers by name.
        holds: Whether it holds; None if that cannot be told.
        note: What to mind.
    """

    item: str
    text: str
    source: str = ""
    dataset: str = ""
    paper: str | float | None = None
    measured: Sequence[tuple[str, str | float | None]] = ()
    holds: bool | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole page.

    Attributes:
        title: Its title.
        made: What made it and when, in a line.
        runs: The runs.
        comparison: The runs side by side.
        claims: The claims of a paper.
        galleries: Figures that belong to no single run.
        notes: What cannot be read.
    """

    title: str
    made: str = ""
    runs: Sequence[RunSection] = field(default=())
    comparison: Comparison | None = None
    claims: Sequence[Claim] = ()
    galleries: Sequence[Gallery] = ()
    notes: Sequence[str] = ()
