"""Finding the attacks in the folder of a run."""

import json
from pathlib import Path

from pyro_seatbelt.attacks import Findings, Mode
from pyro_seatbelt.attacks.records import AttackRecords
from pyro_seatbelt.errors import InputError


def find_attack(
    run: Path,
    mode: Mode,
    *,
    layers: str = "all",
    weights: tuple[float, ...] | None = None,
    pictures: tuple[str, str] | None = None,
) -> Findings | None:
    """Reads a finished attack of a run.

    Args:
        run: The folder of the run.
        mode: The attack.
        layers: What it looked at, as in the name of its folder: `all`, or sites joined by `+`.
        weights: Its penalties; None for any.
        pictures: Names of two pictures of one's own; None for pairs of held-out images.

    Returns:
        What was found; None if there is no such attack. Of several the newest.
    """
    places = sorted(
        run.glob(f"attacks/{mode}-{layers}-*/table.parquet"), key=lambda path: path.stat().st_mtime
    )
    for path in reversed(places):
        about = _read(path.parent / "arguments.json")
        named = about.get("source", {}).get("pictures")
        there = about.get("arguments", {}).get("weights")
        if named == (None if pictures is None else list(pictures)) and (
            weights is None or there == list(weights)
        ):
            return AttackRecords(path.parent).read()
    return None


def _read(path: Path) -> dict[str, dict[str, object]]:
    try:
        content: dict[str, dict[str, object]] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: the file is absent or damaged: remove {path.parent}") from error
    return content
