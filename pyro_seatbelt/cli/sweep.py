"""The command `seatbelt sweep`."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

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
from pyro_seatbelt.sweeps.sweep_options import SweepOptions

if TYPE_CHECKING:
    import pandas as pd

    from pyro_seatbelt.sweeps.job import Job
    from pyro_seatbelt.sweeps.sweep import SweepResult

_WIDTH = 80
_MOST_ROWS = 40

_COLUMNS = {
    "model": "model",
    "layers": "L",
    "latent_dim": "z",
    "beta": "beta",
    "seed": "seed",
    "elbo": "ELBO",
    "total_correlation": "TC",
    "mse": "MSE",
    "target_nll": "latent -log p(t)",
    "dataset": "data set",
}
"""Columns of the summary; the last ones are left out where there is no room."""


class OptionalRay(TyperCommand):
    """A command whose `--ray` may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts in the address where it was left out."""
        following = [*args[1:], ""]
        alone = [
            word == "--ray" and self.has_no_address(after)
            for word, after in zip(args, following, strict=False)
        ]
        given = ["--ray=local" if each else word for word, each in zip(args, alone, strict=True)]
        return super().parse_args(ctx, given)

    @staticmethod
    def has_no_address(following: str) -> bool:
        """Whether `--ray` has no address: what follows it is nothing, a flag or a grid."""
        return not following or following.startswith("-") or following.endswith(".toml")


@config_flags(SweepOptions)
def sweep(
    grid: Annotated[Path, typer.Argument(help="What to run, a .toml file.", metavar="GRID.toml")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the sweep; by default one named after the grid in $SEATBELT_RUNS or "
            "runs.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    given: Mapping[str, Any],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs and stop.", show_envvar=False)
    ] = False,
    json: Json = False,
) -> None:
    """Train, attack and evaluate every run of a grid.

    **Examples**

    - `seatbelt sweep examples/sweep.toml --dry-run` - which runs there will be

    - `seatbelt sweep examples/sweep.toml` - all of them, one per processor at a time

    - `seatbelt sweep grid.toml --shard 1/4` - a quarter of them, for one of four machines

    - `seatbelt sweep grid.toml --ray --gpus-per-run 0.25` - four runs per GPU

    The same command goes on with a sweep that was stopped or killed, and tries again what failed.
    The folder of the sweep holds the runs, and `tables/` over all of them.
    """
    from pyro_seatbelt.runs.folder import runs_root
    from pyro_seatbelt.sweeps.grid import read_grid
    from pyro_seatbelt.sweeps.job import part_of

    options = SweepOptions(**given)
    jobs = read_grid(grid).jobs()
    folder = out or runs_root() / grid.stem
    if dry_run:
        _list(part_of(jobs, options.shard), folder, json=json)
        return
    from pyro_seatbelt.sweeps.sweep import run_jobs

    with resumable(), ProgressBar(stderr_console()) as bar:
        result = run_jobs(jobs, folder, options, progress=bar)
    if json:
        print_json(result._asdict())
    else:
        _show(result)
    if result.failed:
        _show_failures(result)
        raise typer.Exit(1)


def _list(jobs: "Sequence[Job]", folder: Path, *, json: bool) -> None:
    from pyro_seatbelt.sweeps.finished import finished_job

    if json:
        print_json([job.plain() for job in jobs])
        return
    states = ["to do" if finished_job(job, folder) is None else "finished" for job in jobs]
    print_table(
        ("run", "attacks", "evaluated", "state"),
        [
            (job.name, len(job.attacks), "yes" if job.evaluation else "no", state)
            for job, state in zip(jobs, states, strict=True)
        ],
    )


def _show(result: "SweepResult") -> None:
    import pandas as pd

    runs, attacks = (pd.read_parquet(result.tables[name]) for name in ("runs", "attacks"))
    runs = runs[runs["run"].isin([*result.finished, *result.skipped])]
    if len(attacks):
        chosen = (attacks["mode"] == "latent") & (attacks["stop"] != "nan")
        latent = attacks[chosen & (attacks["images"] == "heldout")].groupby("run")["target_nll"]
        latent = latent.mean()
        runs = runs.assign(target_nll=runs["run"].map(latent))
    if len(runs):
        rows = _summary(runs)
        print_table(rows[0], rows[1 : 1 + _MOST_ROWS])
        if len(rows) > 1 + _MOST_ROWS:
            say(f"... and {len(rows) - 1 - _MOST_ROWS} more")
        say()
    done = f"{len(result.finished)} finished"
    if result.skipped:
        done += f", {len(result.skipped)} finished before"
    if result.failed:
        done += f", {len(result.failed)} failed"
    files = {name: file.relative_to(result.folder) for name, file in result.tables.items()}
    print_pairs({"runs": done, "folder": result.folder, **_renamed(files)})


def _show_failures(result: "SweepResult") -> None:
    for name, reason in result.failed.items():
        say(f"{name}: {reason}", err=True)
    total = len(result.failed) + len(result.finished) + len(result.skipped)
    say(
        f"{len(result.failed)} of {total} runs failed; the same command tries them again; "
        f"more in {result.folder / 'failures'}",
        err=True,
    )


def _renamed(files: dict[str, Path]) -> dict[str, object]:
    return {("table" if name == "csv" else f"{name} table"): file for name, file in files.items()}


def _summary(runs: "pd.DataFrame") -> list[list[str]]:
    """A row of texts for each run, headings first, as many columns as there is room for."""
    columns: list[list[str]] = []
    for name, heading in _COLUMNS.items():
        if name not in runs or (name == "dataset" and runs[name].nunique() == 1):
            continue
        column = [heading, *(_text(value) for value in runs[name])]
        width = sum(max(map(len, each)) for each in [*columns, column]) + 2 * len(columns)
        if width <= _WIDTH:
            columns.append(column)
    return [list(row) for row in zip(*columns, strict=True)]


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:.1f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"
