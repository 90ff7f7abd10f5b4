"""A run, as a page shows it."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyro_seatbelt.family import PRESETS, settle
from pyro_seatbelt.options import Group, mark
from pyro_seatbelt.report import (
    Advice,
    Chart,
    Fact,
    Gallery,
    Line,
    RunSection,
    Setting,
    SettingGroup,
)
from pyro_seatbelt.report.pages.attacks import attack_sections
from pyro_seatbelt.report.pages.evaluation import evaluation_section
from pyro_seatbelt.report.pages.known import KnownRun, number
from pyro_seatbelt.report.pages.pictures import gallery
from pyro_seatbelt.report.pages.room import Room
from pyro_seatbelt.report.quantity import quantity
from pyro_seatbelt.training.config import TrainConfig

_NATS = "nats per image"


def run_section(run: KnownRun, room: Room) -> RunSection:
    """Shows a run.

    Args:
        run: What is known of it.
        room: How much fits.

    Returns:
        The section.

    Raises:
        InputError: If a file vanished or was damaged since it was read.
    """
    galleries = _galleries(run, Room(room.left * 2 // 5))
    for each in galleries:
        for picture in each.pictures:
            room.take(picture.num_bytes + (picture.animation.num_bytes if picture.animation else 0))
    attacks: Sequence[Any] | Advice = attack_sections(run.attacks, room, run.newest)
    if not attacks:
        attacks = Advice(
            text="The run has not been attacked:", command=f"seatbelt attack {run.path}"
        )
    return RunSection(
        name=run.name,
        headline=headline(run),
        facts=_facts(run),
        settings=[*_settings(run.config), _provenance(run)],
        charts=training_charts(run.metrics),
        galleries=galleries,
        evaluation=evaluation_section(run),
        attacks=attacks,
        notes=run.notes,
    )


def model_name(config: TrainConfig) -> str:
    """What people call a member of the family.

    Args:
        config: Its config.

    Example:
        >>> model_name(TrainConfig(model="beta-tcvae"))
        '\u03b2-TCVAE'
    """
    return PRESETS[config.model].title.replace("beta-", "\u03b2-")


def beta_of(config: TrainConfig) -> float | None:
    """The weight beta, None where a model has none.

    Args:
        config: Its config.
    """
    return None if "beta" in PRESETS[config.model].unused else config.settled().beta


def headline(run: KnownRun) -> str:
    """What a run is, in a sentence.

    Args:
        run: The run.
    """
    config, record = run.config, run.record
    layers, beta = layers_of(config), beta_of(config)
    parts = f"{layers} latent layers" if layers > 1 else "one latent layer"
    weight = "" if beta is None else f" and \u03b2 = {beta:g}"
    kind = "images drawn by a program" if record.synthetic else "real images"
    return (
        f"{model_name(config)} with {parts} of {config.latent_dim} dimensions{weight}, trained on "
        f"{config.dataset} ({kind}) for {quantity(run.step)} steps."
    )


def layers_of(config: TrainConfig) -> int:
    """How many latent layers a run has.

    Args:
        config: Its config.
    """
    return settle(config.model, layers=config.layers).layers


def training_charts(metrics: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Draws how training went.

    Args:
        metrics: The records of the run.

    Returns:
        Objective and ELBO, the KL of every layer, the parts of the top layer's.
    """
    sites = sorted(
        {site for record in metrics for site in _by_site(record)},
        key=lambda site: (len(site), site),
    )
    bound = [series(metrics, "train", "elbo", "ELBO, training")]
    bound += [series(metrics, "heldout", "elbo", "ELBO, held out")]
    bound += [series(metrics, "train", "objective", "objective, training")]
    parts = {
        "mutual_information": "mutual information",
        "total_correlation": "total correlation",
        "dimension_wise_kl": "dimension-wise KL",
    }
    charts = [
        Chart(
            title="Objective and ELBO",
            x_label="step",
            y_label=_NATS,
            lines=[line for line in bound if line.x],
            skip_start=True,
        ),
        Chart(
            title="KL of every layer, training",
            x_label="step",
            y_label=_NATS,
            lines=[line for site in sites if (line := _site_series(metrics, site)).x],
            skip_start=True,
        ),
        Chart(
            title="Parts of the top layer\u2019s KL, training",
            x_label="step",
            y_label=_NATS,
            lines=[
                line
                for name, label in parts.items()
                if (line := series(metrics, "train", name, label)).x
            ],
            note="Stratified estimates from minibatches.",
            skip_start=True,
        ),
    ]
    return [chart for chart in charts if chart.lines]


def series(metrics: Sequence[Mapping[str, Any]], kind: str, name: str, label: str) -> Line:
    """A number over the steps.

    Args:
        metrics: The records of a run.
        kind: `train` or `heldout`.
        name: Of the number.
        label: What the line is called.
    """
    points = [
        (float(record["step"]), number(record.get(name)))
        for record in metrics
        if record["kind"] == kind and math.isfinite(number(record.get(name)))
    ]
    return Line(name=label, x=[step for step, _ in points], y=[value for _, value in points])


def _site_series(metrics: Sequence[Mapping[str, Any]], site: str) -> Line:
    records = [{**record, site: _by_site(record).get(site)} for record in metrics]
    return series(records, "train", site, site)


def _by_site(record: Mapping[str, Any]) -> Mapping[str, Any]:
    kl = record.get("kl")
    return kl if isinstance(kl, dict) and record["kind"] == "train" else {}


def _facts(run: KnownRun) -> list[Fact]:
    record, facts = run.record, []
    if run.status != "finished":
        facts.append(Fact(label="status", value=run.status, note=record.error or ""))
    elbo = run.evaluation.elbo if run.evaluation else number((run.heldout or {}).get("elbo"))
    facts += [
        Fact(label="held-out ELBO", value=elbo, unit=_NATS),
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


def _settings(config: TrainConfig) -> list[SettingGroup]:
    resolved = {"layers": layers_of(config), "beta": beta_of(config)}
    usual = {
        "layers": layers_of(TrainConfig(model=config.model)),
        "beta": beta_of(TrainConfig(model=config.model)),
    }
    groups: dict[str, list[Setting]] = {}
    for name, field in TrainConfig.model_fields.items():
        group = mark(field, Group)
        title = group.title if group else "Other"
        value = resolved.get(name, getattr(config, name))
        groups.setdefault(title, []).append(
            Setting(
                name=name.replace("_", " "),
                value=_setting(value),
                description=field.description or "",
                chosen=value != usual.get(name, field.default),
            )
        )
    return [SettingGroup(title=title, settings=each) for title, each in groups.items()]


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Path):
        return value.name  # where it lay is nobody's business
    return quantity(value, 6)


def _provenance(run: KnownRun) -> SettingGroup:
    record = run.record
    rows = {
        "images": "synthetic" if record.synthetic else "real",
        "shape": " \u00d7 ".join(map(str, record.image_shape)),
        "fingerprint": record.fingerprint[:12],
        **{name.replace("_", " "): quantity(value) for name, value in record.provenance.items()},
        "started": f"{record.started:%Y-%m-%d %H:%M} UTC",
        **record.versions,
    }
    return SettingGroup(
        title="Where it comes from",
        settings=[Setting(name=name, value=value, chosen=True) for name, value in rows.items()],
    )


def _galleries(run: KnownRun, room: Room) -> list[Gallery]:
    drawn, own = run.path / "evaluation" / "figures", run.path / "figures"
    reconstructions = "Held-out images and their reconstructions"
    if run.outdated is not None:  # what it drew is not of this checkpoint
        kept = gallery("Reconstructions", [(own / "reconstructions.png", reconstructions)], room)
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
                (file, f"One dimension of {file.stem.removeprefix('traversals-')} a row")
                for file in traversals
            ],
        ),
        ("Noise", [(drawn / "noise.png", "What Gaussian noise on the input does")]),
    ]
    found = [gallery(title, files, room) for title, files in wanted]
    return [each for each in found if each is not None]
