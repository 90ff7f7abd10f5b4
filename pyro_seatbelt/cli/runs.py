"""The commands `seatbelt runs` and `seatbelt runs verify`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pyro_seatbelt.cli.output import Json, count, print_json, print_table, say


class ListByDefault(TyperGroup):
    """A group one of whose commands need not be named."""

    default = "list"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts in the name where it was left out."""
        named = bool(args) and args[0] in {*self.commands, "-h", "--help"}
        return super().parse_args(ctx, args if named else [self.default, *args])


runs = typer.Typer(
    cls=ListByDefault,
    help="List the runs in a folder, the newest last, or check their files.\n\n"
    "`seatbelt runs` lists them; a folder called `verify` or `list` is `./verify` here.",
)


@runs.command("list")
def list_all(
    root: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of runs, or of a sweep, by default $SEATBELT_RUNS or runs.",
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


@runs.command()
def verify(
    run: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN...",
            help="Folders of runs, by default all in $SEATBELT_RUNS or runs.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Read every file of some runs, and see that it is the one that was written.

    **Examples**

    - `seatbelt runs verify`

    - `seatbelt runs verify runs/first --json`

    What earlier versions wrote has no manifest, except for checkpoints: it cannot be compared. The
    exit status is 1 if something is damaged.
    """
    from pyro_seatbelt.runs.listing import list_runs
    from pyro_seatbelt.runs.verify import verify_run

    folders = run or [each.folder for each in list_runs()]
    verdicts = [verdict for folder in folders for verdict in verify_run(folder)]
    if json:
        print_json([each._asdict() for each in verdicts])
    elif verdicts:
        print_table(
            ("folder", "state", "compared"),
            [(each.folder, each.state, count(each.num_files, "file")) for each in verdicts],
        )
    else:
        say("no run here yet: `seatbelt train` makes one")
    for each in verdicts:
        for problem in each.problems:
            say(problem, err=True)
    if any(each.state == "damaged" for each in verdicts):
        raise typer.Exit(1)
