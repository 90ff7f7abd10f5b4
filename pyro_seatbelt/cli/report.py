"""The command `seatbelt report`."""

from pathlib import Path
from typing import Annotated

import typer

from pyro_seatbelt.cli.output import Json, print_json, print_pairs


def report(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN|SWEEP",
            help="Folders of runs, or that of one sweep; by default the newest run.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file, by default report.html in the folder of the run or the sweep, or "
            "beside the first of several runs.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(help="Its title.", show_default=False, show_envvar=False)
    ] = None,
    show: Annotated[
        bool, typer.Option("--open", help="Open it in a browser.", show_envvar=False)
    ] = False,
    json: Json = False,
) -> None:
    """Write what is known of some runs as one HTML file that needs nothing else.

    **Examples**

    - `seatbelt report` - the newest run

    - `seatbelt report runs/first runs/second --out both.html` - two, side by side

    - `seatbelt report sweeps/beta --open` - a whole sweep

    The page has the configuration, curves, reconstructions and traversals of every run, its
    evaluation, and its attacks with a slider over the penalty. It loads nothing from anywhere.
    """
    import webbrowser

    from pyro_seatbelt.report import report_runs
    from pyro_seatbelt.report.quantity import size

    file = report_runs(runs or [], out, title)
    num_bytes = file.stat().st_size
    if show:
        webbrowser.open(file.resolve().as_uri())
    if json:
        print_json({"report": file, "bytes": num_bytes})
        return
    print_pairs({"size": size(num_bytes), "report": file})
