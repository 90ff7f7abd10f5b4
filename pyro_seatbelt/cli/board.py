"""The commands `seatbelt board` and `seatbelt board add`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyro_seatbelt.cli.flags import config_flags
from pyro_seatbelt.cli.output import (
    Json,
    print_json,
    print_pairs,
    print_table,
    resumable,
    say,
    stderr_console,
)
from pyro_seatbelt.cli.progress import ProgressBar
from pyro_seatbelt.cli.runs import ListByDefault
from pyro_seatbelt.sweeps.sweep_options import SweepOptions

if TYPE_CHECKING:
    from pyro_seatbelt.board.board import Board


class MakeByDefault(ListByDefault):
    """A group whose command `make` need not be named."""

    default = "make"


board = typer.Typer(
    cls=MakeByDefault,
    help="Train and attack the family and its defences at one budget, and rank them.\n\n"
    "`seatbelt board` is `seatbelt board make`, whose options are in the help of that; "
    "`seatbelt board add` puts a run of yours on it.",
)

_Scale = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="smoke: a minute, shows that it runs. laptop: one to two hours on 2 cores. "
        "workstation: trained longer and attacked harder, for a GPU.",
        show_envvar=False,
    ),
]
_Out = Annotated[
    Path, typer.Option(help="Folder of boards; a scale has a folder in it.", show_envvar=False)
]


@board.command()
@config_flags(SweepOptions, only=("workers", "threads"))
def make(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            help="Entries, by default all; --list shows them.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    *,
    scale: _Scale = "laptop",
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Runs of each entry, instead of as many as the scale has.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    out: _Out = Path("board"),
    given: Mapping[str, Any],
    list_: Annotated[
        bool, typer.Option("--list", help="List the entries.", show_envvar=False)
    ] = False,
    json: Json = False,
) -> None:
    """Train and attack the family and its defences at one budget, and rank them.

    **Examples**

    - `seatbelt board --list` - what stands on it

    - `seatbelt board` - all of it, in one to two hours

    - `seatbelt board seatbelt --seeds 1` - one model beside the plain VAE, in minutes

    - `seatbelt board add runs/mine` - your own run, trained on the images of the board

    The same command goes on where it was stopped. The folder holds `board.md`, `board.json`, the
    runs, and figures in `robustness/`.
    """
    from pyro_seatbelt.board.board import make_board
    from pyro_seatbelt.board.scales import scale_named

    if list_:
        _list(json=json)
        return
    with resumable(), ProgressBar(stderr_console()) as bar:
        found = make_board(
            names or (),
            scale=scale_named(scale),
            folder=out,
            seeds=seeds,
            options=SweepOptions(**given),
            progress=bar,
        )
    _show(found, json=json)


@board.command()
def add(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Folder of a run on the images of the board.",
            show_default=False,
            show_envvar=False,
        ),
    ],
    *,
    name: Annotated[
        str | None,
        typer.Option(
            help="What it is called, by default as its folder.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    scale: _Scale = "laptop",
    out: _Out = Path("board"),
    json: Json = False,
) -> None:
    """Measure a run as all on the board are, and put its numbers there.

    **Examples**

    - `seatbelt board add runs/mine`

    - `seatbelt board add runs/mine --name wider-encoder`
    """
    from pyro_seatbelt.board.board import add_to_board
    from pyro_seatbelt.board.scales import scale_named

    with resumable(), ProgressBar(stderr_console()) as bar:
        found = add_to_board(run, scale=scale_named(scale), folder=out, name=name, progress=bar)
    _show(found, json=json)


def _list(*, json: bool) -> None:
    from pyro_seatbelt.board.entries import ENTRIES

    if json:
        print_json(
            [
                {"name": name, "title": entry.title, "source": entry.source}
                for name, entry in ENTRIES.items()
            ]
        )
        return
    rows = [(name, entry.title, entry.source) for name, entry in ENTRIES.items()]
    print_table(("name", "entry", "source"), rows)


def _show(found: "Board", *, json: bool) -> None:
    if json:
        print_json(
            {
                "folder": found.folder,
                "rows": [row.plain() for row in found.rows],
                "files": found.files,
                "failed": found.failed,
            }
        )
    else:
        _show_rows(found)
    for name, reason in found.failed.items():
        say(f"{name}: {reason}", err=True)
    if found.failed:
        raise typer.Exit(1)


def _show_rows(found: "Board") -> None:
    from pyro_seatbelt.board.standings import certified, short_interval

    print_table(
        ("", "r50 and 95 %", "gain", "cert.", "MSE", "min", "verdict"),
        [
            (
                row.name,
                short_interval(row.model.medians["r50"]),
                "" if row.gain is None else short_interval(row.gain, signed=True),
                certified(row),
                f"{row.mse_ratio:.2f}",
                f"{row.minutes:.1f}",
                row.verdict,
            )
            for row in found.rows
        ],
    )
    say(
        "\nr50: the least distortion that covers half of the way to the target, 1 is best;\n"
        "gain: over the VAE on the same pairs and seeds; MSE: relative to the VAE's."
    )
    say()
    files = {name: path.relative_to(found.folder) for name, path in found.files.items()}
    print_pairs({"folder": found.folder, **files})
