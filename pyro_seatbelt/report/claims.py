"""The claims of a paper, and what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyro_seatbelt.documents import parse_json, read_text
from pyro_seatbelt.report.contents import number
from pyro_seatbelt.report.parts import Cell, MeanCI
from pyro_seatbelt.report.sweep import in_items


@dataclass(frozen=True, kw_only=True)
class ClaimRow:
    """What a paper says, and what was measured.

    Attributes:
        item: The figure or table it belongs to.
        text: What the paper claims.
        source: Where it does.
        dataset: The data on which it was looked at.
        paper: Its number or words.
        measured: Our numbers by name; estimates have their ends.
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


def read_claims(path: Path) -> tuple[list[ClaimRow], list[str]]:
    """Reads what became of the claims of a paper.

    Args:
        path: The folder of a sweep: `claims.json` lies in it or in folders of its items.

    Returns:
        The claims, each once, and a line for each file that cannot be read.
    """
    claims: dict[tuple[str, ...], ClaimRow] = {}
    notes = []
    for file in [path / "claims.json", *in_items(path, "claims.json")]:
        if not file.is_file():
            continue
        try:
            content = parse_json(read_text(file))
            claims |= {_key(each): _claim(each) for each in content}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            notes.append(f"{file.relative_to(path)} cannot be read: it is no list of claims.")
    return list(claims.values()), notes


def _key(content: dict[str, Any]) -> tuple[str, ...]:
    """What a claim is known by: its text may be that of others, about other data or noise."""
    named = ("item", "claim") if content.get("claim") else ("item", "text", "source")
    return tuple(str(content.get(name, "")) for name in named)


def _claim(content: dict[str, Any]) -> ClaimRow:
    holds = content.get("holds")
    measured = dict(content.get("measured") or {})
    dataset = measured.pop("dataset", None) or ""
    return ClaimRow(
        item=str(content.get("item", "")),
        text=str(content["text"]),
        source=str(content.get("source", "")),
        dataset=str(dataset),
        paper=_value(content.get("paper")),
        measured=_measured(measured),
        holds=holds if isinstance(holds, bool) else None,
        note=str(content.get("note", "")),
    )


def _measured(content: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    """Numbers by name, those with two ends as intervals; what is absent is left out."""
    values = {name: _value(value) for name, value in content.items() if not _absent(value)}
    ends: set[str] = set()
    rows: dict[str, Cell] = dict(values)
    for name in values:
        numbers = [values.get(each) for each in (name, f"{name}_low", f"{name}_high")]
        mean, low, high = (number(each) for each in numbers)
        if low <= mean <= high:
            rows[name] = MeanCI(mean, low, high)
            ends |= {f"{name}_low", f"{name}_high"}
    return [(name.replace("_", " "), value) for name, value in rows.items() if name not in ends]


def _absent(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124 - NaN


def _value(value: object) -> str | float | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, (int, float)):
        return value
    return str(value)
