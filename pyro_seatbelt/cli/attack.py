"""The command `seatbelt attack`."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyro_seatbelt.cli.arguments import RunArgument
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
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.formats import without_nan
from pyro_seatbelt.runs.attack_options import AttackOptions

if TYPE_CHECKING:
    from pyro_seatbelt.evaluation.estimates import Estimate
    from pyro_seatbelt.runs.attack_report import AttackReport


@config_flags(AttackOptions, before={"image": "seed", "target": "seed", "max_iterations": "batch"})
def attack(
    run: RunArgument = None,
    *,
    given: Mapping[str, Any],
    image: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help="A picture of your own to attack, instead of random pairs.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            help="The picture that it is to become.", show_default=False, show_envvar=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Attack a trained run: look for small distortions that turn one image into another.

    **Examples**

    - `seatbelt attack` - the paper's protocol on the newest run: 10 pairs, 51 penalties

    - `seatbelt attack runs/first --mode latent --mode output --pairs 4`

    - `seatbelt attack --layers top` - only the top layer of a hierarchy

    - `seatbelt attack --input cat.png --target dog.png` - two pictures of your own

    - `seatbelt attack --untargeted --budget 0.1 --norm linf` - as much damage as changes of 0.1 a
      pixel can do

    - `seatbelt attack --pairs 2 --lambdas 5 --max-iterations 30` - a small one, in a minute

    Everything is kept in `attacks/` in the folder of the run. The same command goes on with an
    attack that was stopped, and shows one that is finished.
    """
    from pyro_seatbelt.runs.attack import attack_run
    from pyro_seatbelt.runs.listing import newest_run

    if {"lambdas", "weights"} <= given.keys():
        raise InputError("--lambda: expected it or --lambdas, got both: leave one out")
    pictures = _pictures(image, target, untargeted=bool(given.get("untargeted")))
    options = AttackOptions(**given, images=pictures)
    with resumable(), ProgressBar(stderr_console()) as bar:
        reports = attack_run(run or newest_run(), options, progress=bar)
    if json:
        print_json([without_nan(report) for report in reports])
        return
    for number, report in enumerate(reports):
        if number:
            say()
        _show(report)


def _pictures(
    image: Path | None, target: Path | None, *, untargeted: bool
) -> tuple[Path, ...] | None:
    """The pictures of one's own, if there are any."""
    if untargeted:
        if target is not None:
            raise InputError("--target: an attack is either --untargeted or has one: leave out one")
        return None if image is None else (image,)
    if (image is None) != (target is None):
        absent = "--target" if target is None else "--input"
        raise InputError(f"{absent}: --input and --target go together: give both pictures")
    return (image, target) if image and target else None


def _show(report: "AttackReport") -> None:
    from pyro_seatbelt.evaluation.attack_summary import DAMAGE, QUANTITIES

    where = "" if report.mode == "output" else f" on {' + '.join(report.layers)}"
    retired = f", {report.num_retired} retired" if report.num_retired else ""
    failed = "" if report.num_failed is None else f", {report.num_failed} failed"
    kind = "" if report.targeted else "untargeted "
    pairs = count(report.num_pairs, "pair" if report.targeted else "input")
    say(
        f"{kind}{report.mode} attack{where}: {count(report.num_problems, 'problem')} of {pairs}"
        f"{retired}{failed}"
    )
    if report.was_finished:
        advice = "" if report.num_failed is not None else ", --ends both one that cannot fail"
        say(f"{report.folder}: finished already; --force makes it again{advice}", err=True)
    names = QUANTITIES if report.targeted else DAMAGE
    rows = [(names[name], *_numbers(each)) for name, each in report.summary.items()]
    if report.auddc is not None:
        rows.append(("AUDDC", *_numbers(report.auddc)))
    print_table(("", "mean", "95 % CI", "95 % CI over pairs"), rows)
    print_pairs(
        {"folder": report.folder}
        | {name: file.relative_to(report.folder) for name, file in report.files.items()}
    )


def _numbers(estimate: "Estimate") -> Sequence[str]:
    return (
        _number(estimate.mean),
        _interval(estimate.low, estimate.high),
        _interval(estimate.pairs_low, estimate.pairs_high),
    )


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{_number(low)} to {_number(high)}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "undefined"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
