"""The command `seatbelt train`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyro_seatbelt.cli.flags import config_flags
from pyro_seatbelt.cli.output import Json, count, print_json, print_pairs, say, stderr_console
from pyro_seatbelt.cli.progress import ProgressBar
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training.config import CHANGEABLE, TrainConfig, read_config

if TYPE_CHECKING:
    from pyro_seatbelt.runs.train import RunResult


@config_flags(TrainConfig)
def train(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="With --resume: the run to go on with, by default the newest.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Read settings from a .toml or .json file; flags and environment go first.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run, absent, empty or with the same run unfinished, which goes on; "
            "by default a new one in $SEATBELT_RUNS or runs.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", show_envvar=False, help="Go on with a run instead of starting one."
        ),
    ] = False,
    json: Json = False,
    given: Mapping[str, Any],
) -> None:
    """Train a model of the family and keep it in a run folder.

    **Examples**

    - `seatbelt train` - a Seatbelt-VAE with four layers on drawn chairs

    - `seatbelt train --layers 2 --ids 150 --steps 600 --batch-size 64` - a small one, in minutes

    - `seatbelt train --model beta-tcvae --beta 4 --dataset folder --data-dir pictures` - your own
      images

    - `seatbelt train --resume --steps 40000` - go on with the newest run, for longer

    - `seatbelt train --config runs/first/config.json --seed 1` - the same again with another seed

    Every setting can also come from the environment (`SEATBELT_TRAIN_BETA=4`) or from the file
    given by `--config` (`beta = 4`). A flag goes before the environment, the environment before
    the file. Ctrl-C saves the run, and so do the signals that Slurm, Docker and systemd send;
    `--resume`, or the same command with `--out`, goes on with it as if it had never stopped.
    """
    file = [read_config(config)] if config else []
    if resume:
        if config:
            raise InputError("--config: a run that is resumed has its config already: leave it out")
        if run and out:
            raise InputError(f"--out: got {out} beside the run {run} to go on with: leave one out")
        result = _resume(run or out, given)
    elif run is not None:
        raise InputError(
            f"got {run} without --resume: say --resume {run} to go on with that run, or --out "
            f"{run} to make one there"
        )
    else:
        result = _start(TrainConfig.merge(*file, given), out)
    if not result.first:  # of several processes one reports
        return
    _report(result, json=json)
    if result.status == "interrupted":
        say(f"stopped; to go on: seatbelt train --resume {result.folder}", err=True)
        raise typer.Exit(1)


def _start(config: TrainConfig, out: Path | None) -> "RunResult":
    from pyro_seatbelt.runs.train import resume_run, train_run
    from pyro_seatbelt.runs.unfinished import is_unfinished

    if out is not None and is_unfinished(out, config):
        say(f"{out}: going on with the run that is here", err=True)
        with ProgressBar(stderr_console()) as bar:
            changes = {name: getattr(config, name) for name in CHANGEABLE}
            return _run_training(resume_run, out, changes, progress=bar)
    with ProgressBar(stderr_console()) as bar:
        return _run_training(train_run, config, out=out, progress=bar)


def _resume(folder: Path | None, changes: Mapping[str, Any]) -> "RunResult":
    from pyro_seatbelt.runs.listing import newest_run
    from pyro_seatbelt.runs.train import resume_run

    folder = folder or newest_run()
    with ProgressBar(stderr_console()) as bar:
        result = _run_training(resume_run, folder, changes, progress=bar)
    if result.num_steps == 0 and result.first:
        say(
            f"{folder}: finished at step {result.step} already; more --steps go on with it, or "
            "more --patience if it stopped early",
            err=True,
        )
    return result


def _run_training(run: Callable[..., "RunResult"], *args: Any, **options: Any) -> "RunResult":
    """Runs training; a divergence is a line and a status, not a traceback."""
    from pyro_seatbelt.training.divergence import TrainingDiverged

    try:
        return run(*args, **options)
    except TrainingDiverged as error:
        say(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def _report(result: "RunResult", *, json: bool) -> None:
    if json:
        print_json({name: value for name, value in result._asdict().items() if name != "first"})
        return
    pairs: dict[str, object] = {"run": result.folder, "steps": result.step, **result.figures}
    active: dict[str, int] = {}
    if result.heldout:
        pairs["held-out ELBO"] = (
            f"{_number(result.heldout['elbo'])} nats per image "
            f"({count(result.heldout['num_images'], 'image')})"
        )
        active = result.heldout["active_units"]
        pairs["active units"] = ", ".join(f"{site} {count}" for site, count in active.items())
    print_pairs(pairs)
    collapsed = [site for site, count in active.items() if count == 0]
    if collapsed:
        say(
            f"no unit is active in {', '.join(collapsed)}: that layer says nothing of the image; "
            "free bits (--free-bits 0.25) let it",
            err=True,
        )


def _number(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.2f}"
