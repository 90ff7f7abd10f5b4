"""The robustness of several runs side by side; those that differ in their seed are pooled."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pyro_seatbelt.evaluation.medians import median_gain, median_over_runs
from pyro_seatbelt.files import make_folder, write_atomically, writing
from pyro_seatbelt.formats import to_json
from pyro_seatbelt.plots import (
    CoveredCurves,
    QualityPoint,
    covered_panels,
    resistance_against_quality,
)
from pyro_seatbelt.runs.figures import save_figure
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.parquet import to_parquet
from pyro_seatbelt.runs.robustness import RobustnessReport, covered_curves
from pyro_seatbelt.runs.robustness_measure import BY_ATTACK
from pyro_seatbelt.runs.robustness_numbers import (
    MEDIANS,
    MedianInterval,
    RobustnessFolder,
    of_run,
    read_table,
)
from pyro_seatbelt.training.config import TrainConfig

_COMPARED = (BY_ATTACK, "damage_")
"""What those columns of the tables of pairs begin with that depend on the protocol."""

_UNPOOLED = {"seed", "device"}
"""Settings in which pooled runs may differ."""


class Model(NamedTuple):
    """The runs of one config, over seeds.

    Attributes:
        name: What they are called.
        runs: Their folders.
        medians: The medians over pairs and seeds.
        mse: Mean squared errors of clean reconstructions, a number per run.
        rate: KL from the priors, likewise, nats per image.
        elbo: Evidence lower bounds, likewise.
        num_undefined: Pairs for which nothing is defined.
        failed: What the attack does not pass, a line each.
        gains: How much larger its medians are than those of the first model over the same pairs
            and seeds (:func:`gains_over`); nothing of the first, and of other pairs.
    """

    name: str
    runs: tuple[Path, ...]
    medians: dict[str, MedianInterval]
    mse: tuple[float, ...]
    rate: tuple[float, ...]
    elbo: tuple[float, ...]
    num_undefined: int
    failed: tuple[str, ...]
    gains: dict[str, MedianInterval]


def pool(reports: Sequence[RobustnessReport]) -> list[Model]:
    """Puts runs together that differ in nothing but their seed.

    Args:
        reports: The measurements, at least one, all made by the same protocol.

    Returns:
        The models, in the order of their first runs.

    Raises:
        InputError: If a file is damaged.
    """
    protocols = {
        json.dumps({**each.robustness.protocol, "health": None}, sort_keys=True) for each in reports
    }
    assert len(protocols) == 1, "one call measures all runs alike"
    groups: dict[str, list[RobustnessReport]] = {}
    configs: dict[str, TrainConfig] = {}
    for report in reports:
        config = RunFolder(report.run).read_config()
        key = json.dumps(config.model_dump(mode="json", exclude=_UNPOOLED), sort_keys=True)
        groups.setdefault(key, []).append(report)
        configs[key] = config
    names = _names([(configs[key], some[0].run) for key, some in groups.items()])
    first, *others = groups.values()
    gains = [{}, *(gains_over(first, some) for some in others)]
    return [
        _model(name, some, over)
        for name, some, over in zip(names, groups.values(), gains, strict=True)
    ]


def gains_over(
    base: Sequence[RobustnessReport], some: Sequence[RobustnessReport]
) -> dict[str, MedianInterval]:
    """How much larger the medians of runs are than those of others over the same pairs.

    Args:
        base: The runs that they are compared with.
        some: The runs, each with the images, the split and the pairs of one of those.

    Returns:
        The differences, by name: `r50`, `r50_by_...` of each attack alone, `damage_...`, of which
        more is worse. Nothing where a run has other pairs.

    Raises:
        InputError: If a file is damaged.
    """
    plain = {_pairs_of(report): report for report in base}
    both = [(report, plain[key]) for report in some if (key := _pairs_of(report)) in plain]
    if len(both) < len(some):
        return {}
    tables = [[read_table(of_run(report.run).pairs) for report in pair] for pair in both]
    shared = set.intersection(*(set(table) for pair in tables for table in pair))
    columns = ["r50", *(name for name in tables[0][0] if name.startswith(_COMPARED))]
    gains = {}
    for column in columns:
        if column in shared:
            own, others = ([pair[which][column].to_numpy() for pair in tables] for which in (0, 1))
            gains[column] = MedianInterval.of(median_gain(own, others))
    return gains


def _pairs_of(report: RobustnessReport) -> tuple[Any, ...]:
    """What decides which images a run is attacked on."""
    config, found = RunFolder(report.run).read_config(), report.robustness
    decisive = (found.fingerprint, found.num_pairs, found.protocol["seed"])
    return (config.seed, config.holdout, *decisive)


def write_comparison(
    models: Sequence[Model], out: Path, *, figures: bool = True
) -> dict[str, Path]:
    """Writes the numbers, the pairs and the figures of several models.

    Args:
        models: The models.
        out: The folder; what was there is replaced.
        figures: Whether to draw.

    Returns:
        Files by name.

    Raises:
        InputError: If the disk does not take it, or a file is damaged.
    """
    place = RobustnessFolder(out)
    with writing(out):
        make_folder(out)
    tables = [
        read_table(of_run(run).pairs).assign(model=model.name, run=run.resolve().name)
        for model in models
        for run in model.runs
    ]
    together = pd.concat(tables, ignore_index=True)
    write_atomically(place.pairs, to_parquet(together))
    files = {"numbers": place.numbers, "pairs": place.pairs}
    if figures:
        save_figure(covered_panels([_covered(model) for model in models]), place.covered)
        points = [_point(model) for model in models]
        if any(np.isfinite(point.resistance) for point in points):
            save_figure(resistance_against_quality(points), place.quality)
            files["quality"] = place.quality
        files["covered"] = place.covered
    write_atomically(place.numbers, to_json({"models": [plain(model) for model in models]}))
    return files


def plain(model: Model) -> dict[str, Any]:
    """A model as JSON has it.

    Args:
        model: The model.
    """
    return {
        **model._asdict(),
        "runs": [run.resolve().name for run in model.runs],
        "medians": {name: each.model_dump() for name, each in model.medians.items()},
        "gains": {name: each.model_dump() for name, each in model.gains.items()},
    }


def _model(
    name: str, reports: Sequence[RobustnessReport], gains: dict[str, MedianInterval]
) -> Model:
    tables = [read_table(of_run(report.run).pairs) for report in reports]
    found = [report.robustness for report in reports]
    known = [column for column in tables[0] if all(column in table for table in tables)]
    more = [column for column in known if column.startswith((*_COMPARED, "certified"))]
    columns = [*MEDIANS, *more]
    return Model(
        name=name,
        runs=tuple(report.run for report in reports),
        medians={
            column: MedianInterval.of(
                median_over_runs([table[column].to_numpy(dtype=float) for table in tables])
            )
            for column in columns
        },
        mse=tuple(each.mse for each in found),
        rate=tuple(each.rate for each in found),
        elbo=tuple(each.elbo for each in found),
        num_undefined=sum(each.num_undefined for each in found),
        failed=tuple(
            f"{report.run.resolve().name}: {check.name}: {check.text}"
            for report in reports
            for check in report.robustness.failed
        ),
        gains=gains,
    )


def _names(models: Sequence[tuple[TrainConfig, Path]]) -> list[str]:
    """What models are called; the name of the first run tells apart those of one name."""
    names = []
    for config, _ in models:
        beta = "" if config.beta in {None, 1} else f" \u03b2={config.beta:g}"
        names.append(f"{config.model} L={config.layers}{beta}")
    return [
        name if names.count(name) == 1 else f"{name} ({path.resolve().name})"
        for name, (_, path) in zip(names, models, strict=True)
    ]


def _covered(model: Model) -> CoveredCurves:
    each = [covered_curves(of_run(run), model.name) for run in model.runs]
    return CoveredCurves(
        model.name,
        each[0].distortion,
        np.concatenate([curves.covered for curves in each]),
        np.concatenate([curves.blend for curves in each]),
    )


def _point(model: Model) -> QualityPoint:
    r50, blend = model.medians["r50"], model.medians["blend50"]
    numbers = (r50.median, r50.low, r50.high, blend.median)
    middle, low, high, mixed = (np.nan if each is None else each for each in numbers)
    return QualityPoint(model.name, middle, low, high, mixed, model.mse, model.rate)
