"""The command `seatbelt reproduce`."""

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
from pyro_seatbelt.cli.sweep import OptionalRay
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.sweeps.sweep_options import SweepOptions

if TYPE_CHECKING:
    from pyro_seatbelt.paper.reproduction import Reproduction


class RayOrNames(OptionalRay):
    """A command whose `--ray` may stand alone, also before names of figures."""

    @staticmethod
    def has_no_address(following: str) -> bool:
        """Whether `--ray` has no address: what follows is nothing, a flag, or no address."""
        return not (following in {"auto", "local"} or ":" in following)


@config_flags(SweepOptions, only=("workers", "ray"))
def reproduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            help="Figures and tables, or all; --list shows them.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    *,
    scale: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="smoke: seconds, shows that it runs. laptop: under an hour for all of them, on "
            "drawn images. workstation: the same grid trained longer, for a GPU. paper: the "
            "published protocol. published: the authors' later settings, for a GPU; "
            "published-laptop: those, reduced.",
            show_envvar=False,
        ),
    ] = "laptop",
    synthetic: Annotated[
        bool,
        typer.Option(
            "--synthetic",
            help="With --scale paper: drawn images instead of the published ones.",
            show_envvar=False,
        ),
    ] = False,
    out: Annotated[
        Path,
        typer.Option(help="Folder of the results; a scale has a folder in it.", show_envvar=False),
    ] = Path("paper"),
    given: Mapping[str, Any],
    redraw: Annotated[
        bool,
        typer.Option(
            "--redraw", help="Draw again from the runs that are there.", show_envvar=False
        ),
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="List the figures and tables.", show_envvar=False)
    ] = False,
    json: Json = False,
) -> None:
    """Make figures and tables of the paper again, and check what it claims.

    **Examples**

    - `seatbelt reproduce --list` - what there is

    - `seatbelt reproduce fig5 fig7` - on drawn images, some minutes each

    - `seatbelt reproduce all --scale smoke` - that everything runs, in a minute

    - `seatbelt reproduce table1 --scale paper` - the published protocol, on the published images

    - `seatbelt reproduce fig7 --redraw` - only the drawing, from the runs that are there

    All items of a scale share their runs. The same command goes on where it was stopped. Each
    item gets a folder with figures (PNG), tables (CSV, Markdown) and `claims.json`: what the
    paper says, what came out, and whether it holds.
    """
    from pyro_seatbelt.paper.catalogue import CATALOGUE

    if list_:
        _list(json=json)
        return
    if not names:
        raise InputError(f"which one? name some of {', '.join(CATALOGUE)}, or all")
    from pyro_seatbelt.paper.reproduction import reproduce as make
    from pyro_seatbelt.paper.scales import scale_named

    size, where = scale_named(scale, synthetic=synthetic), SweepOptions(**given)
    with resumable(), ProgressBar(stderr_console()) as bar:
        found = make(
            names,
            scale=size,
            folder=out,
            workers=where.workers,
            ray=where.ray,
            redraw_only=redraw,
            progress=bar,
        )
    if json:
        print_json(_plain(found))
    else:
        _show(found)
    _show_missing(found)
    if found.failed:
        raise typer.Exit(1)


def _list(*, json: bool) -> None:
    from pyro_seatbelt.paper.catalogue import CATALOGUE

    if json:
        print_json([{"name": name, **item._asdict()} for name, item in CATALOGUE.items()])
    else:
        print_table(
            ("name", "title", "in the paper"),
            [(name, *item) for name, item in CATALOGUE.items()],
        )


def _show(found: "Reproduction") -> None:
    print_table(
        ("item", "claim", "paper", "holds"),
        [(each.item, each.claim, each.paper, each.verdict) for each in found.claims],
    )
    print_pairs(
        {"folder": found.folder, "claims": found.folder / "claims.md"}
        | {name: found.folder / name for name in found.files}
    )


def _show_missing(found: "Reproduction") -> None:
    for name, reason in found.failed.items():
        say(f"{name}: {reason}", err=True)
    if found.absent:
        those, need = (
            ("1 run is", "it") if found.absent == 1 else (f"{found.absent} runs are", "them")
        )
        say(f"{those} not there: what needs {need} is left out, and unknown", err=True)


def _plain(found: "Reproduction") -> dict[str, Any]:
    from pyro_seatbelt.paper.claims import as_json

    return {**found._asdict(), "claims": [as_json(claim) for claim in found.claims]}
