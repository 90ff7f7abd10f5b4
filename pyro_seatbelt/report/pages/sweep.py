"""What a sweep holds besides its runs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.report import Cell, Claim, Gallery, Interval
from pyro_seatbelt.report.pages.known import number
from pyro_seatbelt.report.pages.pictures import gallery
from pyro_seatbelt.report.pages.room import Room

_OTHERS = {"runs", "tables", "failures"}
"""Folders in that of a sweep that are no items of a paper."""


def is_sweep(path: Path) -> bool:
    """Whether a folder is that of a sweep.

    Args:
        path: The folder.
    """
    return (path / "runs").is_dir() and not (path / "config.json").is_file()


def sweep_runs(path: Path) -> list[Path]:
    """Lists the runs of a sweep.

    Args:
        path: Its folder.

    Returns:
        Their folders, by name.

    Raises:
        InputError: If there is none.
    """
    runs = sorted(each.parent for each in path.glob("runs/*/config.json"))
    if not runs:
        raise InputError(f"{path}: no run here yet: `seatbelt sweep` or `seatbelt reproduce` makes")
    return runs


def read_claims(path: Path) -> tuple[list[Claim], list[str]]:
    """Reads what became of the claims of a paper.

    Args:
        path: The folder of a sweep: `claims.json` lies in it or in folders of its items.

    Returns:
        The claims, each once, and a line for each file that cannot be read.
    """
    claims: dict[tuple[str, ...], Claim] = {}
    notes = []
    for file in [path / "claims.json", *_in_items(path, "claims.json")]:
        if not file.is_file():
            continue
        try:
            content = json.loads(file.read_text("utf-8"))
            claims |= {_key(each): _claim(each) for each in content}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            notes.append(f"{file.relative_to(path)} cannot be read: it is no list of claims.")
    return list(claims.values()), notes


def failures(path: Path) -> list[str]:
    """Names the jobs of a sweep that failed.

    Args:
        path: Its folder.

    Returns:
        A line; none if none did.
    """
    names = sorted(file.stem for file in path.glob("failures/*.json"))
    if not names:
        return []
    what = "1 job failed" if len(names) == 1 else f"{len(names)} jobs failed"
    return [f"{what}: {', '.join(names)}."]


def item_galleries(path: Path, room: Room) -> list[Gallery]:
    """Collects the figures of the items of a paper.

    Args:
        path: The folder of a sweep.
        room: How much fits.

    Returns:
        Their figures, an item a gallery.
    """
    found: dict[str, list[tuple[Path, str]]] = {}
    for file in _in_items(path, "*.png"):
        found.setdefault(file.parent.name, []).append((file, file.stem.replace("-", " ")))
    galleries = [gallery(item, files, room) for item, files in found.items()]
    return [each for each in galleries if each is not None]


def _in_items(path: Path, pattern: str) -> list[Path]:
    return sorted(file for file in path.glob(f"*/{pattern}") if file.parent.name not in _OTHERS)


def _key(content: dict[str, Any]) -> tuple[str, ...]:
    """What a claim is known by: its text may be that of others, about other data or noise."""
    named = ("item", "claim") if content.get("claim") else ("item", "text", "source")
    return tuple(str(content.get(name, "")) for name in named)


def _claim(content: dict[str, Any]) -> Claim:
    holds = content.get("holds")
    measured = dict(content.get("measured") or {})
    dataset = measured.pop("dataset", None) or ""
    return Claim(
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
            rows[name] = Interval(mean, low, high)
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
