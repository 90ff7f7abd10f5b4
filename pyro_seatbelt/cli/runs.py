"""The command `seatbelt runs`."""

from pathlib import Path
from typing import Annotated

import typer

from pyro_seatbelt.cli.output import Json, print_json, print_table, say


def runs(
    root: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of runs, by default $SEATBELT_RUNS or runs.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """List the runs in a folder, the newest last.

    **Examples**

    - `seatbelt runs`

    - `seatbelt runs /big/disk/runs --json`
    """
    from pyro_seatbelt.runs.listing import list_runs

    summaries = list_runs(root)
    if json:
        print_json([each._asdict() for each in summaries])
        return
    if not summaries:
        say("no run here yet: `seatbelt train` makes one")
        return
    print_table(
        ("run", "status", "model", "dataset", "step"),
        [(each.folder, each.status, each.model, each.dataset, each.step) for each in summaries],
    )
