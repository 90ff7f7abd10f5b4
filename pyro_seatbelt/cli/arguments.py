"""Arguments and flags that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[
    Path | None,
    typer.Argument(
        help="Folder of the run, by default the newest.", show_default=False, show_envvar=False
    ),
]
