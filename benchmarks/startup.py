"""How long small commands take to start, beside another checkout of the package, in turns."""

import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.paired import compared, in_turns
from benchmarks.result import Result, Row

ROOT = Path(__file__).parents[1]
COMMANDS = {
    "--help": ["--help"],
    "runs": ["runs", "--json"],
    "data list": ["data", "list"],
    "reproduce --list": ["reproduce", "--list"],
    "sweep --dry-run": ["sweep", "--dry-run", str(ROOT / "examples" / "sweep.toml")],
    "train --help": ["train", "--help"],
}
NOW, BEFORE = "now", "before"


def startup(
    against: Annotated[
        Path | None, typer.Option(help="Another checkout of the repository, to compare with.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
) -> Result:
    """Time whole processes of small commands, in seconds of CPU, each in an empty folder."""
    roots = {**({} if against is None else {BEFORE: against.resolve()}), NOW: ROOT}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "runs").mkdir()
        for name, arguments in COMMANDS.items():
            rivals = {
                which: partial(_run, root, arguments, folder) for which, root in roots.items()
            }
            seconds = in_turns(rivals, rounds=rounds, warmup=1, clock=_cpu_of_children)
            for row in compared(seconds, base=next(iter(rivals))):
                command = f"seatbelt {name}" + (f", {row['']}" if against else "")
                rows.append({**row, "": command})
    return Result(
        title="Small commands, milliseconds of CPU", rows=rows, settings={"rounds": rounds}
    )


def _run(root: Path, arguments: list[str], folder: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pyro_seatbelt.cli", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
