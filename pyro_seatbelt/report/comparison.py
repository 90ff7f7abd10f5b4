"""Several runs side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pyro_seatbelt.attacks.modes import TITLES
from pyro_seatbelt.evaluation.attack_summary import summarise
from pyro_seatbelt.evaluation.auddc import auddc, curves
from pyro_seatbelt.plots.lines import Line
from pyro_seatbelt.report.attacks import DELTA, mean_ci
from pyro_seatbelt.report.charts import Chart
from pyro_seatbelt.report.comparable import Comparable, comparable
from pyro_seatbelt.report.configuration import beta_of, layers_of, model_name
from pyro_seatbelt.report.contents import AttackContents, RunContents, number
from pyro_seatbelt.report.parts import NATS, Cell, MeanCI
from pyro_seatbelt.report.robustness import median
from pyro_seatbelt.report.training import series

_NATS = "nats"
_MOST_LINES = 14


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the comparison.

    Attributes:
        label: Its name.
        unit: Its unit.
        note: What it means.
    """

    label: str
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ComparisonSection:
    """Several runs side by side.

    Attributes:
        columns: What is compared.
        rows: The name of a run and a value for each column, one row per run of the page.
        charts: Curves of all runs.
        note: What to mind.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    charts: Sequence[Chart] = ()
    note: str = ""


def compare(runs: Sequence[RunContents]) -> ComparisonSection:
    """Puts runs side by side.

    Args:
        runs: The runs, in the order of the page.

    Returns:
        Numbers that at least one of them has, and their curves.
    """
    chosen = {mode: some for mode in TITLES if (some := comparable(runs, mode)) is not None}
    columns: list[tuple[Column, list[Cell]]] = [
        (column, [read(run) for run in runs]) for column, read in _COLUMNS
    ]
    for mode, some in chosen.items():
        columns += _attack_columns(TITLES[mode].short, some)
    kept = [(column, cells) for column, cells in columns if any(not _empty(c) for c in cells)]
    rows: list[list[Cell]] = [[run.name] for run in runs]
    for row, *cells in zip(rows, *(cells for _, cells in kept), strict=True):
        row.extend(cells)
    return ComparisonSection(
        columns=[column for column, _ in kept],
        rows=rows,
        charts=_charts(runs, chosen),
        note=_note(runs, chosen),
    )


def _note(runs: Sequence[RunContents], chosen: Mapping[str, Comparable]) -> str:
    parts = []
    if chosen:
        parts.append(
            f"{DELTA} It sums over layers, too. The AUDDC is from 0 to about 1, larger for a more "
            "robust model."
        )
    compared = {id(attack) for some in chosen.values() for attack in some.attacks}
    others = sum(id(attack) not in compared for run in runs for attack in run.attacks)
    if others:
        what = "1 attack is" if others == 1 else f"{others} attacks are"
        parts.append(
            f"{what} left out here, made on an earlier checkpoint or in another way than most."
        )
    outdated = [run.name for run in runs if run.outdated is not None]
    if outdated:
        parts.append(f"Not evaluated since they were trained on: {', '.join(outdated)}.")
    return " ".join(parts)


def _of_evaluation(name: str) -> Callable[[RunContents], Cell]:
    return lambda run: None if run.evaluation is None else number(getattr(run.evaluation, name))


def _total_correlation(run: RunContents) -> Cell:
    """Only of held-out images: what earlier versions measured cannot be compared with it."""
    found = run.evaluation
    return found.total_correlation if found and found.parts_of == "held-out images" else None


def _of_robustness(name: str) -> Callable[[RunContents], Cell]:
    return lambda run: None if run.robustness is None else median(getattr(run.robustness, name))


_COLUMNS: Sequence[tuple[Column, Callable[[RunContents], Cell]]] = (
    (Column(label="model"), lambda run: model_name(run.config)),
    (Column(label="data"), lambda run: run.config.dataset),
    (Column(label="L", note="latent layers"), lambda run: layers_of(run.config)),
    (Column(label="\u03b2"), lambda run: beta_of(run.config)),
    (Column(label="seed"), lambda run: run.config.seed),
    (Column(label="steps"), lambda run: run.step),
    (
        Column(
            label="ELBO",
            unit=_NATS,
            note="of held-out images; the last one in training of a run without an evaluation",
        ),
        lambda run: run.elbo,
    ),
    (
        Column(
            label="TC",
            unit=_NATS,
            note="total correlation of the top layer over held-out images",
        ),
        _total_correlation,
    ),
    (Column(label="MSE", note="of reconstructions, pixels 0 to 1"), _of_evaluation("mse")),
    (Column(label="MS-SSIM", note="of reconstructions"), _of_evaluation("ms_ssim")),
    (
        Column(
            label="r50",
            note="least distortion that covers half of the way to the target, relative to the "
            "distance of the pair: median and 95 % interval over pairs, 1 is best",
        ),
        _of_robustness("r50"),
    ),
    (
        Column(label="blend50", note="the same by mixing the two images"),
        _of_robustness("blend50"),
    ),
    (
        Column(label="rate", unit=_NATS, note="KL from the priors, measured beside r50"),
        lambda run: None if run.robustness is None else run.robustness.rate,
    ),
)


def _attack_columns(name: str, chosen: Comparable) -> list[tuple[Column, list[Cell]]]:
    attacks = chosen.attacks
    summaries = [None if each is None else summarise(each.table) for each in attacks]
    areas = [None if each is None else auddc(each.table) for each in attacks]

    def means(column: str) -> list[Cell]:
        return [
            mean_ci(each[column]) if each is not None and column in each else None
            for each in summaries
        ]

    return [
        (
            Column(
                label=f"\u0394 {name}",
                note=f"mean objective and 95 % CI over pairs and \u03bb: attacks {chosen.note}",
            ),
            means("value"),
        ),
        (
            Column(
                label=f"\u2212log p(target), {name}",
                unit=_NATS,
                note=f"mean and 95 % CI over pairs and \u03bb: attacks {chosen.note}",
            ),
            means("target_nll"),
        ),
        (
            Column(
                label=f"AUDDC {name}",
                note="area under the distortion-distance curve, mean and 95 % CI over pairs: "
                f"attacks {chosen.note}",
            ),
            [None if each is None else mean_ci(each) for each in areas],
        ),
    ]


def _empty(cell: Cell) -> bool:
    value = cell.mean if isinstance(cell, MeanCI) else cell
    return value is None or value != value  # noqa: PLR0124 - NaN


def _charts(runs: Sequence[RunContents], chosen: Mapping[str, Comparable]) -> list[Chart]:
    some = runs[:_MOST_LINES]
    note = f"The first {len(some)} of {len(runs)} runs." if len(some) < len(runs) else ""
    charts = [
        Chart(
            title=title,
            x_label="step",
            y_label=NATS,
            lines=_lines(series(run.metrics, kind, name, run.name) for run in some),
            note=note,
            skip_start=True,
            listed=False,
        )
        for title, kind, name in (
            ("ELBO of held-out images", "heldout", "elbo"),
            ("Total correlation, training", "train", "total_correlation"),
        )
    ]
    for mode, attacks in chosen.items():
        charts.append(
            Chart(
                title=f"Distortion and distance, {TITLES[mode].short} attack",
                x_label="\u2016d\u2016 / distance from input to target",
                y_label="distance to the target",
                lines=_lines(
                    _mean_curve(attack, run.name)
                    for run, attack in zip(some, attacks.attacks, strict=False)
                ),
                note="Means over pairs: 1 is the distance of the clean reconstruction, 0 that of "
                f"the target's own. Attacks {attacks.note}. {note}",
                listed=False,
            )
        )
    return [chart for chart in charts if chart.lines]


def _lines(lines: Iterable[Line]) -> list[Line]:
    """A run looks the same in every chart."""
    return [replace(line, look=number) for number, line in enumerate(lines) if line.x]


def _mean_curve(attack: AttackContents | None, name: str) -> Line:
    areas = {} if attack is None else curves(attack.table)
    drawn = [curve for curve in areas.values() if len(curve.distortion)]
    if not drawn:
        return Line(name=name, x=[], y=[])
    grid = np.linspace(0, 1, 51)
    mean = np.mean([np.interp(grid, each.distortion, each.distance) for each in drawn], axis=0)
    return Line(name=name, x=grid.tolist(), y=mean.tolist())
