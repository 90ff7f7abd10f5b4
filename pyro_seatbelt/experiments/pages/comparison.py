"""Several runs side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pyro_seatbelt.attacks.results import auddc, curves, summarise
from pyro_seatbelt.experiments.pages.attacks import interval
from pyro_seatbelt.experiments.pages.known import KnownAttack, KnownRun, number
from pyro_seatbelt.experiments.pages.run import beta_of, layers_of, model_name, series
from pyro_seatbelt.report import Cell, Chart, Column, Comparison, Interval, Line

_NATS = "nats"
_MOST_LINES = 14

_MODES = {
    "latent-kl": "latent",
    "latent-w2": "W2",
    "latent-l2": "means",
    "output": "output",
}


def compare(runs: Sequence[KnownRun]) -> Comparison:
    """Puts runs side by side.

    Args:
        runs: The runs, in the order of the page.

    Returns:
        Numbers that at least one of them has, and their curves.
    """
    chosen = [_by_mode(run.attacks) for run in runs]
    columns: list[tuple[Column, list[Cell]]] = [
        (column, [read(run) for run in runs]) for column, read in _COLUMNS
    ]
    for mode, name in _MODES.items():
        if any(mode in each for each in chosen):
            columns += _attack_columns(name, [each.get(mode) for each in chosen])
    kept = [(column, cells) for column, cells in columns if any(not _empty(c) for c in cells)]
    rows: list[list[Cell]] = [[run.name] for run in runs]
    for row, *cells in zip(rows, *(cells for _, cells in kept), strict=True):
        row.extend(cells)
    note = (
        "Of an attack, larger numbers stand for a more robust model. \u0394 sums over layers and "
        "depends on their width; the AUDDC, from 0 to about 1, compares models of any depth."
    )
    return Comparison(
        columns=[column for column, _ in kept],
        rows=rows,
        charts=_charts(runs, chosen),
        note=note if any(chosen) else "",
    )


def _heldout(run: KnownRun, name: str) -> float:
    if run.evaluation is not None:
        return number(getattr(run.evaluation, name))
    return number((run.heldout or {}).get(name))


def _of_evaluation(name: str) -> Callable[[KnownRun], Cell]:
    return lambda run: None if run.evaluation is None else number(getattr(run.evaluation, name))


_COLUMNS: Sequence[tuple[Column, Callable[[KnownRun], Cell]]] = (
    (Column(label="model"), lambda run: model_name(run.config)),
    (Column(label="data"), lambda run: run.config.dataset),
    (Column(label="L", note="latent layers"), lambda run: layers_of(run.config)),
    (Column(label="\u03b2"), lambda run: beta_of(run.config)),
    (Column(label="seed"), lambda run: run.config.seed),
    (Column(label="steps"), lambda run: run.step),
    (
        Column(label="ELBO", unit=_NATS, note="of held-out images"),
        lambda run: _heldout(run, "elbo"),
    ),
    (
        Column(label="TC", unit=_NATS, note="total correlation of the top layer"),
        lambda run: _heldout(run, "total_correlation"),
    ),
    (Column(label="MSE", note="of reconstructions, pixels 0 to 1"), _of_evaluation("mse")),
    (Column(label="MS-SSIM", note="of reconstructions"), _of_evaluation("ms_ssim")),
)


def _by_mode(attacks: Sequence[KnownAttack]) -> Mapping[str, KnownAttack]:
    """The attack of each mode with the most problems."""
    chosen: dict[str, KnownAttack] = {}
    for attack in attacks:
        if attack.mode not in chosen or len(attack.table) > len(chosen[attack.mode].table):
            chosen[attack.mode] = attack
    return chosen


def _attack_columns(
    name: str, attacks: Sequence[KnownAttack | None]
) -> list[tuple[Column, list[Cell]]]:
    summaries = [None if each is None else summarise(each.table) for each in attacks]
    areas = [None if each is None else auddc(each.table) for each in attacks]

    def means(column: str) -> list[Cell]:
        return [
            interval(each[column]) if each is not None and column in each else None
            for each in summaries
        ]

    return [
        (
            Column(label=f"\u0394 {name}", note="mean objective and 95 % CI over pairs and \u03bb"),
            means("value"),
        ),
        (
            Column(
                label=f"\u2212log p(target), {name}",
                unit=_NATS,
                note="mean and 95 % CI over pairs and \u03bb",
            ),
            means("target_nll"),
        ),
        (
            Column(
                label=f"AUDDC {name}",
                note="area under the distortion-distance curve, mean and 95 % CI over pairs",
            ),
            [None if each is None else interval(each) for each in areas],
        ),
    ]


def _empty(cell: Cell) -> bool:
    value = cell.mean if isinstance(cell, Interval) else cell
    return value is None or value != value  # noqa: PLR0124 - NaN


def _charts(runs: Sequence[KnownRun], chosen: Sequence[Mapping[str, KnownAttack]]) -> list[Chart]:
    some = runs[:_MOST_LINES]
    note = f"The first {len(some)} of {len(runs)} runs." if len(some) < len(runs) else ""
    charts = [
        Chart(
            title=title,
            x_label="step",
            y_label="nats per image",
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
    for mode, name in _MODES.items():
        charts.append(
            Chart(
                title=f"Distortion and distance, {name} attack",
                x_label="\u2016d\u2016 / distance from input to target",
                y_label="distance to the target",
                lines=_lines(
                    _mean_curve(attacks.get(mode), run.name)
                    for run, attacks in zip(some, chosen, strict=False)
                ),
                note="Means over pairs: 1 is the distance of the clean reconstruction, 0 that of "
                f"the target's own. {note}",
                listed=False,
            )
        )
    return [chart for chart in charts if chart.lines]


def _lines(lines: Iterable[Line]) -> list[Line]:
    """A run looks the same in every chart."""
    return [replace(line, look=number) for number, line in enumerate(lines) if line.x]


def _mean_curve(attack: KnownAttack | None, name: str) -> Line:
    areas = {} if attack is None else curves(attack.table)
    drawn = [curve for curve in areas.values() if len(curve.distortion)]
    if not drawn:
        return Line(name=name, x=[], y=[])
    grid = np.linspace(0, 1, 51)
    mean = np.mean([np.interp(grid, each.distortion, each.distance) for each in drawn], axis=0)
    return Line(name=name, x=grid.tolist(), y=mean.tolist())
