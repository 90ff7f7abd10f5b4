"""The command `seatbelt defend`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pyro_seatbelt.cli.arguments import RunArgument
from pyro_seatbelt.cli.output import Json, print_json, print_pairs
from pyro_seatbelt.training.config import TrainConfig


def _help(name: str) -> Any:
    """The flag of a field of the config, whose description it shares; unset unless given."""
    text = TrainConfig.model_fields[name].description
    return typer.Option(help=text, show_default=False)


def defend(
    run: RunArgument = None,
    *,
    smoothing: Annotated[float | None, _help("smoothing")] = None,
    smoothing_draws: Annotated[int | None, _help("smoothing_draws")] = None,
    mcmc_steps: Annotated[int | None, _help("mcmc_steps")] = None,
    mcmc_step_size: Annotated[float | None, _help("mcmc_step_size")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the new run, absent or empty; by default one in $SEATBELT_RUNS or "
            "runs.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a run that resists from a trained one: the same weights, defended.

    **Examples**

    - `seatbelt defend runs/first --smoothing 0.25 --out runs/smoothed`

    - `seatbelt defend runs/first --mcmc-steps 5`

    The trained run stays as it is. The new one is attacked, evaluated and compared like any other:
    `seatbelt robustness runs/first runs/smoothed`.
    """
    from pyro_seatbelt.runs.defend import defend_run
    from pyro_seatbelt.runs.listing import newest_run

    given = {
        "smoothing": smoothing,
        "smoothing_draws": smoothing_draws,
        "mcmc_steps": mcmc_steps,
        "mcmc_step_size": mcmc_step_size,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    folder = defend_run(run or newest_run(), changes, out=out)
    if json:
        print_json({"folder": folder})
        return
    print_pairs({"run": folder})
