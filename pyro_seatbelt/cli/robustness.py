"""The command `seatbelt robustness`."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyro_seatbelt.cli.flags import config_flags
from pyro_seatbelt.cli.output import (
    Json,
    count,
    print_json,
    print_pairs,
    print_table,
    resumable,
    say,
    stderr_console,
)
from pyro_seatbelt.cli.progress import ProgressBar
from pyro_seatbelt.runs.robustness_options import RobustnessOptions

if TYPE_CHECKING:
    from pyro_seatbelt.runs.robustness import RobustnessReport
    from pyro_seatbelt.runs.robustness_comparison import Model
    from pyro_seatbelt.runs.robustness_numbers import MedianInterval


@config_flags(RobustnessOptions)
def robustness(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN",
            help="Folders of runs, by default the newest.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    *,
    given: Mapping[str, Any],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for what is said of several runs, by default robustness beside the first.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Measure how large a distortion must be to move what runs reconstruct, beside their quality.

    **Examples**

    - `seatbelt robustness` - the newest run

    - `seatbelt robustness runs/vae runs/seatbelt` - two, in one table

    - `seatbelt robustness runs/*-seed-*` - runs that differ in their seed alone are pooled

    - `seatbelt robustness --health` - see whether the attack deserves its name

    r50 and r90 are the least distortions, relative to the distance from the input to the target,
    that cover 50 and 90 % of the way between their reconstructions: 1 is best. The blend mixes the
    two images to the same effect; an attack that needs more is broken. Runs of any depth and beta
    compare by these, at equal quality, and not by raw Delta.
    """
    from pyro_seatbelt.files import resolved
    from pyro_seatbelt.runs.listing import newest_run
    from pyro_seatbelt.runs.robustness import robustness_of_run
    from pyro_seatbelt.runs.robustness_comparison import plain, pool, write_comparison

    options = RobustnessOptions(**given)
    unique = {resolved(path): path for path in runs or [newest_run()]}
    with resumable(), ProgressBar(stderr_console()) as bar:
        reports = [robustness_of_run(path, options, progress=bar) for path in unique.values()]
    models = pool(reports)
    place, files = reports[0].folder, reports[0].files
    if len(reports) > 1:
        place = out or reports[0].run.resolve().parent / "robustness"
        files = write_comparison(models, place, figures=options.figures)
    if json:
        content = {
            "folder": place,
            "models": [plain(model) for model in models],
            "runs": [
                {
                    "run": report.run,
                    "was_finished": report.was_finished,
                    "robustness": report.robustness.model_dump(),
                }
                for report in reports
            ],
            "files": files,
        }
        print_json(content)
        return
    _show(models, reports)
    print_pairs({"folder": place} | {name: file.relative_to(place) for name, file in files.items()})


def _show(models: "Sequence[Model]", reports: "Sequence[RobustnessReport]") -> None:
    for report in reports:
        if report.was_finished:
            say(f"{report.folder}: finished already; --force makes it again", err=True)
    rows = [
        (_short(model.name), _interval(model.medians["r50"]), *_middles(model), _mean(model.mse, 3),
         _mean(model.rate, 1), _mean(model.elbo, 0))
        for model in models
    ]  # fmt: skip
    headings = ("", "r50 and 95 %", "r90", "blend", "ratio", "AUDDC", "MSE", "rate", "ELBO")
    print_table(headings, rows)
    pairs = sum(model.medians["r50"].num for model in models)
    say(
        f"\nMedians over pairs and seeds ({pairs} pairs in all): r50 and r90 of the best attack,\n"
        "blend by mixing the images to the effect of r50, and the ratio of these two.\n"
        "MSE of clean reconstructions, rate and ELBO in nats per image."
    )
    for model in models:
        if model.num_undefined:
            _say_wrapped(
                f"{model.name}: undefined for {model.num_undefined} pairs: the decoder makes the "
                "same of both images, so there is nothing to cover, which is not resistance",
                red=True,
            )
    for model in models:
        if (certified := model.medians.get("certified50")) is not None:
            _say_wrapped(
                f"{model.name}: certified {_certified(certified)}: the median distortion below "
                "which nothing can cover half of the way, by the bound of the networks"
            )
    _show_columns(models, "r50_by_", "r50 of each attack alone")
    _show_columns(
        models,
        "damage_",
        "Maximum damage without a target: how far, in shares of the way, by size of d",
    )
    _show_gains(models)
    say()
    _show_checks(reports)
    say()


def _show_columns(models: "Sequence[Model]", prefix: str, title: str) -> None:
    names = [name for name in models[0].medians if name.startswith(prefix)]
    rows = [
        (_short(model.name), *(_number(model.medians[name].median) for name in names))
        for model in models
    ]
    say(f"\n{title}")
    print_table(("", *(name.removeprefix(prefix) for name in names)), rows)


def _show_gains(models: "Sequence[Model]") -> None:
    """Says how the models differ from the first."""
    first = models[0]
    for model in models:
        if not model.gains:
            continue
        ratio = (sum(model.mse) / len(model.mse)) / (sum(first.mse) / len(first.mse))
        say()
        _say_wrapped(
            f"{model.name} less {first.name}, over the same pairs and seeds, with 95 %; "
            f"MSE x {ratio:.2f}"
        )
        print_table(
            ("", "difference", "low", "high"),
            [
                (
                    name.replace("_", " "),
                    *(_signed(end) for end in (each.median, each.low, each.high)),
                )
                for name, each in model.gains.items()
            ],
        )


def _show_checks(reports: "Sequence[RobustnessReport]") -> None:
    for report in reports:
        name = report.run.resolve().name
        failed = report.robustness.failed
        open_ = [check.name for check in report.robustness.checks if check.passed is None]
        passed = sum(check.passed is True for check in report.robustness.checks)
        _say_wrapped(f"health of the attack on {name}: {count(passed, 'check')} passed")
        if open_:
            _say_wrapped(f"  cannot be told: {', '.join(open_)}")
        for check in failed:
            _say_wrapped(f"  FAILED {check.name}: {check.text}", red=True)


def _say_wrapped(text: str, *, red: bool = False) -> None:
    say(textwrap.fill(text, 80, subsequent_indent="  "), red=red)


def _middles(model: "Model") -> list[str]:
    names = ("r90", "blend50", "r50_over_blend50", "auddc")
    return [_number(model.medians[name].median) for name in names]


def _interval(found: "MedianInterval") -> str:
    middle = _number(found.median)
    if found.low is None:
        return middle
    low, high = (f"{end:.2f}".removeprefix("0") for end in (found.low, found.high or 0.0))
    return f"{middle} {low}-{high}"


def _certified(found: "MedianInterval") -> str:
    return "n/a" if found.median is None else f"{found.median:.2g}"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"


def _signed(value: float | None) -> str:
    return "n/a" if value is None else f"{value:+.2f}"


def _mean(values: Sequence[float], digits: int) -> str:
    return f"{sum(values) / len(values):.{digits}f}"


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:17]}\u2026"
