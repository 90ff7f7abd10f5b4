"""How long the commands of `make demo` take, one after the other."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.result import Result, Row
from benchmarks.startup import BEFORE, NOW, ROOT


def end_to_end(
    against: Annotated[
        Path | None, typer.Option(help="Another checkout of the repository, to compare with.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Instead of as many as the demo takes.")] = None,
) -> Result:
    """Time the commands of `make demo`, each a process, as the Makefile has them.

    The data are drawn in the first of them where the cache does not have them.
    """
    roots = {**({} if against is None else {BEFORE: against.resolve()}), NOW: ROOT}
    rows: list[Row] = []
    for which, root in roots.items():
        with tempfile.TemporaryDirectory() as folder:
            total = 0.0
            for command in _commands(root, steps):
                begun = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "pyro_seatbelt.cli", *command],
                    cwd=folder,
                    env=os.environ | {"PYTHONPATH": str(root)},
                    check=True,
                    capture_output=True,
                )
                total += (seconds := time.perf_counter() - begun)
                rows.append({"": f"seatbelt {command[0]}", "of": which, "seconds": seconds})
            rows.append({"": "all", "of": which, "seconds": total})
    return Result(title="`make demo`, after the installation", rows=rows)


def _commands(root: Path, steps: int | None) -> list[list[str]]:
    """What the Makefile of a checkout says."""
    text = (root / "Makefile").read_text(encoding="utf-8")
    demo = re.search(r"^demo:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert demo is not None
    lines = [line.removeprefix("\t$(BIN)/seatbelt ") for line in demo[1].splitlines()]
    commands = [shlex.split(line) for line in lines]
    if steps is not None:
        train = commands[0]
        train[train.index("--steps") + 1] = str(steps)
    return commands
