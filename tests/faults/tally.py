"""What was tried, what was lost and what was not said well: the table of docs/trust.md."""

import json
import signal
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from forked import Outcome

BEGIN, END = "<!-- the table begins -->", "<!-- the table ends -->"
_CRASHES = {-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGFPE, -signal.SIGILL}


@dataclass
class Row:
    """One kind of fault.

    Attributes:
        tried: How often.
        lost: How often work was lost, or a number was another one and nobody was told.
        tracebacks: How often a user saw one.
        hung: How often a command did not end.
        crashed: How often a process died of itself.
        let_in: How often code of a stranger ran, or a file outside was read or written.
    """

    tried: int = 0
    lost: int = 0
    tracebacks: int = 0
    hung: int = 0
    crashed: int = 0
    let_in: int = 0


@dataclass
class Tally:
    """All of them by what was done, and to which command.

    Attributes:
        kept: Where they are kept, so that parts of the suite that run one by one add up; what was
            said where something was wrong is beside it, in a file that ends in `.wrong`.
    """

    kept: Path | None = None
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kept and self.kept.exists():
            for kind, command, row in json.loads(self.kept.read_text()):
                self.rows[kind, command] = Row(**row)

    def tried(self, kind: str, command: str) -> int:
        """How often something was tried, also before."""
        return self.rows.get((kind, command), Row()).tried

    def add(
        self,
        kind: str,
        command: str,
        *outcomes: Outcome,
        lost: bool = False,
        let_in: bool = False,
        about: object = "",
    ) -> list[str]:
        """Counts one, which `about` says more of, and says what is wrong with it."""
        row = self.rows.setdefault((kind, command), Row())
        wrong = {
            "lost": lost,
            "tracebacks": any(each.traceback for each in outcomes),
            "hung": any(each.status is None for each in outcomes),
            "crashed": any(each.status in _CRASHES for each in outcomes),
            "let_in": let_in,
        }
        row.tried += 1
        for name, is_wrong in wrong.items():
            setattr(row, name, getattr(row, name) + is_wrong)
        if self.kept:
            plain = [(*key, asdict(each)) for key, each in self.rows.items()]
            self.kept.write_text(json.dumps(plain, indent=1))
        found = [name for name, is_wrong in wrong.items() if is_wrong]
        if self.kept and found:
            with self.kept.with_suffix(".wrong").open("a") as file:
                file.write(f"{kind}, {command}, {about}: {found}\n{outcomes}\n")
        return found

    def write(self, file: Path, size: str) -> None:
        """Puts the table between the marks of a file.

        Args:
            file: The file.
            size: The form of the suite.
        """
        names = [each.name for each in fields(Row)]
        sums = Counter[str]()
        for (kind, _), row in self.rows.items():
            sums[kind] += row.tried
        total = ", ".join(f"{kind} {count:,}" for kind, count in sorted(sums.items()))
        lines = [f"The {size} form, as far as it was run. Tried in all: {total}.", ""]
        lines += [f"| fault | command | {' | '.join(names).replace('_', ' ')} |"]
        lines += ["|---" * (2 + len(names)) + "|"]
        lines += [
            f"| {kind} | {command} | {' | '.join(f'{getattr(row, each):,}' for each in names)} |"
            for (kind, command), row in sorted(self.rows.items())
        ]
        before, rest = file.read_text("utf-8").split(BEGIN)
        after = rest.split(END)[1]
        table = "\n".join(lines)
        file.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")
