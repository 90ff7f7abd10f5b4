"""What the paper claims, and what came out here."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pyro_seatbelt.files import write_atomically
from pyro_seatbelt.formats import without_nan
from pyro_seatbelt.paper.measurements import Measurement

Number = float | int | str | bool | None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One thing that the paper says, beside what was measured.

    Attributes:
        claim: Its name, for instance `latent-attack-chairs`.
        item: The figure or table by name; the item fills it in (:meth:`Item.check`).
        text: What the paper says, in a sentence.
        source: Where it says so; the item's own source unless a claim says otherwise.
        paper: The paper's number, or a word for the direction.
        measured: Numbers by name: always those that decide, with how many models and problems are
            behind them and intervals where there are several.
        holds: Whether it holds here; None if what is needed to tell is not there, or the interval
            over the pairs of an attack leaves it open: there is none of a single pair.
        note: What to bear in mind: how it is decided, and what differs from the paper.
    """

    claim: str
    item: str = ""
    text: str
    source: str = ""
    paper: str | float
    measured: Mapping[str, Number] = field(default_factory=dict)
    holds: bool | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """`holds`, `does not hold` or `undecided`."""
        return {True: "holds", False: "does not hold", None: "undecided"}[self.holds]


def all_of(*verdicts: bool | None) -> bool | None:
    """Whether all hold: False as soon as one does not, None if one of the others is unknown.

    Example:
        >>> all_of(True, None), all_of(False, None), all_of(True, True), all_of()
        (None, False, True, None)
    """
    if False in verdicts:
        return False
    return None if None in verdicts or not verdicts else True


def above(found: Measurement | float, bound: float) -> bool | None:
    """Whether a number is above a bound.

    Args:
        found: The number. One with an interval is above with all of its interval.
        bound: The bound.

    Returns:
        None if there is no number; of a measurement also without an interval, or if its interval
        holds the bound.

    Example:
        >>> above(2.0, 1.0), above(1.0, 1.0), above(math.nan, 1.0)
        (True, False, None)
        >>> wide = Measurement(1.2, 0.9, 1.5, 8)
        >>> above(wide, 1.0), above(wide, 2.0), above(wide, 0.5)
        (None, False, True)
    """
    if isinstance(found, Measurement):
        if math.isnan(found.low) or found.low <= bound < found.high:
            return None
        found = found.value
    return None if math.isnan(found) else bool(found > bound)


def at_most(found: Measurement | float, bound: float) -> bool | None:
    """Whether a number is not above a bound; None where :func:`above` is.

    Example:
        >>> at_most(2.0, 1.0), at_most(math.nan, 1.0)
        (False, None)
    """
    verdict = above(found, bound)
    return None if verdict is None else not verdict


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
    plain["measured"] = without_nan(claim.measured)
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


def _short(value: Number) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "unknown"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
