"""What a benchmark found: a table for people, JSON for programs."""

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

type Row = Mapping[str, str | float]
"""Values by column."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one benchmark found.

    Attributes:
        title: What was compared.
        rows: The table; all rows have the columns of the first.
        settings: What it was measured with.
        note: What else is to be said of it.
    """

    title: str
    rows: Sequence[Row]
    settings: Mapping[str, object] = field(default_factory=dict)
    note: str = ""

    def markdown(self) -> str:
        """The table in Markdown, which reads well as text, too."""
        columns = list(self.rows[0])
        table = [columns, *([text_of(row[column]) for column in columns] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [_line(cells, widths) for cells in table]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        below = " ".join(part for part in (self.note, settings and f"({settings})") if part)
        return "\n".join([f"**{self.title}**", "", *lines, *(["", below] if below else [])])

    def plain(self) -> dict[str, object]:
        """The same as JSON has it."""
        rows = [
            {name: None if _undefined(value) else value for name, value in row.items()}
            for row in self.rows
        ]
        return {"title": self.title, "rows": rows, "settings": dict(self.settings)} | (
            {"note": self.note} if self.note else {}
        )


def write_json(path: Path, results: Sequence[Result]) -> None:
    """Writes results with the machine and the date."""
    content = {**machine(), "results": [each.plain() for each in results]}
    path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")


def machine() -> dict[str, object]:
    """What decides absolute figures: processors, versions, the date."""
    import torch  # noqa: PLC0415 - start-up is measured without

    found: dict[str, object] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pyro": version("pyro-ppl"),
        "scipy": version("scipy"),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    lines: list[str] = []
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _undefined(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def text_of(value: str | float) -> str:
    """A value as tables have it: three digits, nothing for what is not known."""
    if isinstance(value, float):
        return (
            "" if math.isnan(value) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        )
    return str(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(c.ljust(width) for c, width in zip(cells, widths, strict=True)) + " |"
