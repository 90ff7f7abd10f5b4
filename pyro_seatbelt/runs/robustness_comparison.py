"""The robustness of several runs side by side; those that differ in their seed are pooled."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pyro_seatbelt.evaluation.medians import median_over_runs
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
from pyro_seatbelt.runs.robustness_numbers import (
    MEDIANS,
    MedianInterval,
    RobustnessFolder,
    of_run,
    read_table,
)
from pyro_seatbelt.training.config import TrainConfig

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
    """

    name: str
    runs: tuple[Path, ...]
    medians: dict[str, MedianInterval]
    mse: tuple[float, ...]
    rate: tuple[float, ...]
    elbo: tuple[float, ...]
    num_undefined: int
    failed: tuple[str, ...]


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
    return [_model(name, some) for name, some in zip(names, groups.values(), strict=True)]


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
    }


def _model(name: str, reports: Sequence[RobustnessReport]) -> Model:
    tables = [read_table(of_run(report.run).pairs) for report in reports]
    found = [report.robustness for report in reports]
    known = [column for column in tables[0] if all(column in table for table in tables)]
    more = [column for column in known if column.startswith(("damage_", "certified"))]
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
