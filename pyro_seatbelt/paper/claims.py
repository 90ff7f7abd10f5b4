"""What the paper claims, and what came out here."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pyro_seatbelt.files import write_atomically

Number = float | int | str | bool | None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One thing that the paper says, beside what was measured.

    Attributes:
        claim: Its name, for instance `latent-attack-chairs`.
        item: The figure or table by name.
        text: What the paper says, in a sentence.
        source: Where it says so.
        paper: The paper's number, or a word for the direction.
        measured: Numbers by name: always those that decide, with how many models and problems are
            behind them and intervals where there are several.
        holds: Whether it holds here; None if what is needed to tell is not there, or the interval
            over the pairs of an attack leaves it open: there is none of a single pair.
        note: What to bear in mind: how it is decided, and what differs from the paper.
    """

    claim: str
    item: str
    text: str
    source: str
    paper: str | float
    measured: Mapping[str, Number] = field(default_factory=dict)
    holds: bool | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """`holds`, `does not hold` or `undecided`."""
        return {True: "holds", False: "does not hold", None: "undecided"}[self.holds]

    def noted(self, note: str) -> "Claim":
        """The same claim with one more thing to bear in mind."""
        return replace(self, note=f"{self.note} {note}".strip())


def all_of(*verdicts: bool | None) -> bool | None:
    """Whether all hold: False as soon as one does not, None if one of the others is unknown.

    Example:
        >>> all_of(True, None), all_of(False, None), all_of(True, True), all_of()
        (None, False, True, None)
    """
    if False in verdicts:
        return False
    return None if None in verdicts or not verdicts else True


def above(value: float | None, bound: float) -> bool | None:
    """Whether a number is above a bound; None if there is no number.

    Example:
        >>> above(2.0, 1.0), above(1.0, 1.0), above(None, 1.0), above(math.nan, 1.0)
        (True, False, None, None)
    """
    return None if value is None or math.isnan(value) else bool(value > bound)


def write_claims(path: Path, claims: Sequence[Claim]) -> Path:
    """Writes claims as a JSON list.

    Args:
        path: The file.
        claims: The claims; what is not finite becomes null.

    Returns:
        The file.

    Raises:
        InputError: If it cannot be written.
    """
    write_atomically(path, json.dumps([as_json(claim) for claim in claims], indent=2) + "\n")
    return path


def as_json(claim: Claim) -> dict[str, Any]:
    """The claim as JSON has it: numbers that are not finite become null."""
    plain = asdict(claim)
    plain["measured"] = {name: _plain(value) for name, value in claim.measured.items()}
    return plain


def markdown(claims: Sequence[Claim], *, title: str = "Claims of the paper") -> str:
    """Writes claims as a Markdown document with one table.

    Args:
        claims: The claims.
        title: The heading.
    """
    lines = [
        f"# {title}",
        "",
        "| item | the paper | measured | holds | bear in mind |",
        "|---|---|---|---|---|",
    ]
    for claim in claims:
        cells = (
            claim.item,
            f"{claim.text} ({claim.source}; {claim.paper})",
            summary(claim),
            claim.verdict,
            claim.note,
        )
        lines.append(
            "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
        )
    return "\n".join(lines) + "\n"


def summary(claim: Claim) -> str:
    """The measured numbers in a line."""
    return ", ".join(f"{name} {_short(value)}" for name, value in claim.measured.items())


def _plain(value: Number) -> Number:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _short(value: Number) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "unknown"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
