"""Arguments and flags that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[
    Path | None,
    typer.Argument(
        help="Folder of the run, by default the newest.", show_default=False, show_envvar=False
    ),
]

Workers = Annotated[
    int | None,
    typer.Option(
        help="Runs at a time; by default one per processor, at most 8, or one per GPU.",
        show_default=False,
        show_envvar=False,
    ),
]

Ray = Annotated[
    str | None,
    typer.Option(
        metavar="[ADDRESS]",
        help="Run on Ray: on a cluster of its own on this machine, or on the one at an "
        "address (auto, host:port). Needs the extra `ray`.",
        show_default=False,
        show_envvar=False,
    ),
]
