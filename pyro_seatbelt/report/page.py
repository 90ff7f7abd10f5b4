"""What a page shows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pyro_seatbelt.report.attacks import AttackSection
from pyro_seatbelt.report.parts import (
    Advice,
    Cell,
    Chart,
    Decomposition,
    Fact,
    Gallery,
    SettingGroup,
    Table,
)


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
        measured: Our numbers by name; intervals show their mean and their ends.
        holds: Whether it holds; None if that cannot be told.
        note: What to mind.
    """

    item: str
    text: str
    source: str = ""
    dataset: str = ""
    paper: str | float | None = None
    measured: Sequence[tuple[str, Cell]] = ()
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
