"""The command `seatbelt evaluate`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyro_seatbelt.cli.arguments import RunArgument
from pyro_seatbelt.cli.flags import config_flags
from pyro_seatbelt.cli.output import Json, print_json, print_pairs, print_table, say, stderr_console
from pyro_seatbelt.cli.progress import ProgressBar
from pyro_seatbelt.runs.evaluate_options import EvaluateOptions

if TYPE_CHECKING:
    from pyro_seatbelt.runs.evaluate import EvaluationReport
    from pyro_seatbelt.runs.evaluation import Evaluation


@config_flags(EvaluateOptions)
def evaluate(
    run: RunArgument = None,
    *,
    given: Mapping[str, Any],
    json: Json = False,
) -> None:
    """Measure a trained run: bounds, the parts of its KL, disentanglement, noise, reconstructions.

    **Examples**

    - `seatbelt evaluate` - the newest run

    - `seatbelt evaluate runs/first --noise 0.5 --noise 2 --seed 1`

    - `seatbelt evaluate --images 100 --aggregate-images 1000 --no-figures` - in a few seconds

    Disentanglement is of training images, all else of held-out ones. Everything is kept in
    `evaluation/` in the folder of the run: the numbers, draws for ArviZ, and figures with the
    traversals of every layer.
    """
    from pyro_seatbelt.runs.evaluate import evaluate_run
    from pyro_seatbelt.runs.listing import newest_run

    options = EvaluateOptions(**given)
    with ProgressBar(stderr_console()) as bar:
        report = evaluate_run(run or newest_run(), options, progress=bar)
    if json:
        print_json(
            {
                "folder": report.folder,
                "was_finished": report.was_finished,
                "evaluation": report.evaluation.model_dump(),
                "files": report.files,
            }
        )
        return
    _show(report)


def _show(report: "EvaluationReport") -> None:
    found = report.evaluation
    if report.was_finished:
        say(f"{report.folder}: finished already; --force makes it again", err=True)
    trained = f", {found.num_aggregate} training images" if _needs_training_images(found) else ""
    precision = f", in {found.precision}" if found.precision != "float32" else ""
    say(f"step {found.step}, {found.num_images} held-out images{trained}{precision}")
    quantities = [*found.quantities, *found.scores]
    rows = [(each.name, format(each.value, each.form), each.unit) for each in quantities]
    print_table(("", "value", "unit"), rows)
    say()
    layers = [
        (name, f"{kl:.2f}", found.active_units[name], *_gap(found, name))
        for name, kl in found.kl.items()
    ]
    print_table(("layer", "KL", "active units", *(["MIG"] if found.mig else [])), layers)
    say()
    print_table((f"KL of the top layer, {found.parts_of}", "nats per image"), _parts(found))
    if found.parts_warning:
        say(f"note: {found.parts_warning}", err=True)
    say()
    noise = [
        (f"{level.scale:g}", f"{level.log_likelihood:.1f}", f"{level.std:.1f}",
         f"{level.quantiles[0]:.1f} to {level.quantiles[-1]:.1f}")
        for level in found.noise
    ]  # fmt: skip
    print_table(("noise", "log p(x | z)", "std", "5 to 95 % of images"), noise)
    say()
    print_pairs(
        {"folder": report.folder}
        | {name: file.relative_to(report.folder) for name, file in report.files.items()}
    )


def _parts(found: "Evaluation") -> list[tuple[str, str]]:
    parts = {
        "mutual information": found.mutual_information,
        "total correlation": found.total_correlation,
        "dimension-wise KL": found.dimension_wise_kl,
    }
    parts["together"] = sum(parts.values())
    return [(name, f"{value:.3f}") for name, value in parts.items()]


def _needs_training_images(found: "Evaluation") -> bool:
    return found.mig is not None or found.parts_of == "training images"


def _gap(found: "Evaluation", layer: str) -> list[str]:
    return [f"{found.mig[layer]:.3f}"] if found.mig else []
