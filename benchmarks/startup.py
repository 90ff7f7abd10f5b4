"""How long small commands take to start, beside the libraries they are made of, in turns."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.paired import in_turns, table

PROGRAMS = {
    "import typer, pydantic": ["-c", "import typer, pydantic"],
    "import pyro_seatbelt": ["-c", "import pyro_seatbelt"],
    "seatbelt --help": ["-m", "pyro_seatbelt.cli", "--help"],
    "seatbelt train --help": ["-m", "pyro_seatbelt.cli", "train", "--help"],
    "seatbelt runs": ["-m", "pyro_seatbelt.cli", "runs", "--json"],
    "seatbelt data list": ["-m", "pyro_seatbelt.cli", "data", "list"],
    "seatbelt reproduce --list": ["-m", "pyro_seatbelt.cli", "reproduce", "--list"],
    "import torch": ["-c", "import torch"],
}


def main(rounds: Annotated[int, typer.Option(min=1)] = 10) -> None:
    """Times whole processes, each in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "runs").mkdir()

        def start(arguments: list[str]) -> None:
            subprocess.run(
                [sys.executable, *arguments], cwd=folder, check=True, capture_output=True
            )

        rivals = {
            name: lambda arguments=arguments: start(arguments)
            for name, arguments in PROGRAMS.items()
        }
        print(table(in_turns(rivals, rounds=rounds), base="import typer, pydantic"))


if __name__ == "__main__":
    typer.run(main)
