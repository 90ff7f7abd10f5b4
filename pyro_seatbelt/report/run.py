"""A run, as a page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyro_seatbelt.report.attacks import AttackSection, attack_sections
from pyro_seatbelt.report.byte_budget import ByteBudget
from pyro_seatbelt.report.charts import Chart
from pyro_seatbelt.report.configuration import (
    SettingGroup,
    beta_of,
    layers_of,
    model_name,
    setting_groups,
)
from pyro_seatbelt.report.contents import RunContents
from pyro_seatbelt.report.evaluation import EvaluationSection, evaluation_section
from pyro_seatbelt.report.parts import NATS, Advice, Fact
from pyro_seatbelt.report.pictures import Gallery, gallery
from pyro_seatbelt.report.quantity import quantity
from pyro_seatbelt.report.robustness import RobustnessSection, robustness_section
from pyro_seatbelt.report.training import training_charts


@dataclass(frozen=True, kw_only=True)
class RunSection:
    """One run.

    Attributes:
        name: Its name.
        headline: What it is, in a line.
        facts: What to know of it first.
        settings: Its configuration.
        charts: How training went.
        galleries: Its figures.
        evaluation: Its numbers.
        attacks: What attacks found; advice if there are none.
        notes: What cannot be read.
        robustness: How large a distortion has to be; advice if that was not measured.
    """

    name: str
    headline: str
    facts: Sequence[Fact] = ()
    settings: Sequence[SettingGroup] = ()
    charts: Sequence[Chart] = ()
    galleries: Sequence[Gallery] = ()
    evaluation: EvaluationSection | Advice | None = None
    attacks: Sequence[AttackSection] | Advice = ()
    notes: Sequence[str] = ()
    robustness: RobustnessSection | Advice | None = None


def run_section(run: RunContents, budget: ByteBudget) -> RunSection:
    """Shows a run.

    Args:
        run: What is known of it.
        budget: How much fits.

    Returns:
        The section.

    Raises:
        InputError: If a file vanished or was damaged since it was read.
    """
    galleries = _galleries(run, budget.part(budget.left * 2 // 5))
    attacks: Sequence[AttackSection] | Advice = attack_sections(run.attacks, budget, run.newest)
    if not attacks:
        attacks = Advice(
            text="The run has not been attacked:", command=f"seatbelt attack {run.path}"
        )
    return RunSection(
        name=run.name,
        headline=headline(run),
        facts=_facts(run),
        settings=setting_groups(run),
        charts=training_charts(run.metrics),
        galleries=galleries,
        evaluation=evaluation_section(run),
        attacks=attacks,
        notes=run.notes,
        robustness=robustness_section(run),
    )


def headline(run: RunContents) -> str:
    """What a run is, in a sentence.

    Args:
        run: The run.
    """
    config, record = run.config, run.record
    layers, beta = layers_of(config), beta_of(config)
    parts = f"{layers} latent layers" if layers > 1 else "one latent layer"
    sizes = ", ".join(map(str, config.latent_dims or [config.latent_dim]))
    weight = "" if beta is None else f" and \u03b2 = {beta:g}"
    kind = "images drawn by a program" if record.synthetic else "real images"
    return (
        f"{model_name(config)} with {parts} of {sizes} dimensions{weight}, trained on "
        f"{config.dataset} ({kind}) for {quantity(run.step)} steps."
    )


def _facts(run: RunContents) -> list[Fact]:
    record, facts = run.record, []
    if run.status != "finished":
        facts.append(Fact(label="status", value=run.status, note=record.error or ""))
    facts += [
        Fact(label="held-out ELBO", value=run.elbo, unit=NATS),
        Fact(label="steps", value=run.step),
        Fact(label="training images", value=record.num_train),
        Fact(label="held-out images", value=record.num_heldout),
        Fact(label="attacks", value=len(run.attacks)),
    ]
    if record.finished is not None:
        seconds = record.finished.timestamp() - record.started.timestamp()
        facts.append(Fact(label="from start to end", value=_duration(seconds)))
    return facts


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{max(0, round(seconds))} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _galleries(run: RunContents, budget: ByteBudget) -> list[Gallery]:
    drawn, own = run.path / "evaluation" / "figures", run.path / "figures"
    reconstructions = "Held-out images and their reconstructions"
    if run.outdated is not None:  # what it drew is not of this checkpoint
        kept = gallery("Reconstructions", [(own / "reconstructions.png", reconstructions)], budget)
        return [] if kept is None else [kept]
    first = drawn if (drawn / "reconstructions.png").is_file() else own
    traversals = sorted(
        drawn.glob("traversals-*.png"), key=lambda file: (len(file.stem), file.stem)
    )
    wanted = [
        ("Reconstructions", [(first / "reconstructions.png", reconstructions)]),
        ("Draws from the prior", [(drawn / "prior.png", "Images that the model makes up")]),
        (
            "Traversals",
            [
                (file, f"One dimension of {file.stem.removeprefix('traversals-')} per row")
                for file in traversals
            ],
        ),
        ("Noise", [(drawn / "noise.png", "What Gaussian noise on the input does")]),
    ]
    found = [gallery(title, files, budget) for title, files in wanted]
    return [each for each in found if each is not None]
