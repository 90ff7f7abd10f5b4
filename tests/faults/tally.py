"""What was tried, what was lost and what was not said well: the table of docs/trust.md."""

from dataclasses import dataclass, field
from pathlib import Path

BEGIN, END = "<!-- the table begins -->", "<!-- the table ends -->"


@dataclass
class Row:
    """One kind of fault.

    Attributes:
        tried: How often.
        lost: How often work was lost, or a number was another one in the end.
        tracebacks: How often a user saw one.
    """

    tried: int = 0
    lost: int = 0
    tracebacks: int = 0


@dataclass
class Tally:
    """All of them by what was done, and to which command."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    def add(self, kind: str, command: str, *, lost: bool, said: str) -> None:
        """Counts one."""
        row = self.rows.setdefault((kind, command), Row())
        row.tried += 1
        row.lost += lost
        row.tracebacks += "Traceback (most recent" in said

    def write(self, file: Path, size: str) -> None:
        """Puts the table between the marks of a file.

        Args:
            file: The file.
            size: The form of the suite.
        """
        lines = [f"The {size} form, as far as it came:", ""]
        lines += ["| fault | command | tried | lost | tracebacks |", "|---|---|---|---|---|"]
        lines += [
            f"| {kind} | {command} | {row.tried:,} | {row.lost} | {row.tracebacks} |"
            for (kind, command), row in self.rows.items()
        ]
        before, rest = file.read_text("utf-8").split(BEGIN)
        after = rest.split(END)[1]
        table = "\n".join(lines)
        file.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")
