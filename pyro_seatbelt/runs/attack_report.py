"""What people look at after an attack: summaries, figures and posterior draws."""

import math
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from matplotlib.figure import Figure
from xarray import DataTree

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.attacks.posterior_draws import overlap, posterior_draws
from pyro_seatbelt.evaluation.attack_summary import count_failed, has_targets, shown_rows, summarise
from pyro_seatbelt.evaluation.auddc import auddc, curves
from pyro_seatbelt.evaluation.estimates import Estimate
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.formats import to_json, without_nan
from pyro_seatbelt.manifest import extend_manifest, is_intact
from pyro_seatbelt.plots import attack_panels, distortion_curves, posterior_overlap
from pyro_seatbelt.runs.figures import run_title, save_figure
from pyro_seatbelt.runs.netcdf import write_netcdf
from pyro_seatbelt.runs.open import Run
from pyro_seatbelt.runs.records import AttackRecords, Findings

MOST_PANELS = 10
"""Pairs that are drawn at most."""

NAMES = ("x", "x + d", "target")
"""The images whose posteriors are drawn."""


class AttackReport(NamedTuple):
    """What came of one attack.

    Attributes:
        folder: Where everything is.
        mode: Which attack it was.
        layers: The sites that it looked at.
        targeted: Whether its inputs had targets.
        num_pairs: Input-target pairs, or inputs.
        num_problems: Pairs times penalties.
        num_retired: Problems that were given up because something was not finite.
        num_failed: Problems that ended above one of their two ends, or were retired; None of an
            attack by version 0.1.0, which did not look.
        was_finished: Whether an earlier call had finished it, and nothing was run.
        summary: Means over the problems, by column of the table.
        auddc: Mean area under the distortion-distance curves.
        files: Files by name: table, images, summaries, figures, posterior draws.
    """

    folder: Path
    mode: Mode
    layers: tuple[str, ...]
    targeted: bool
    num_pairs: int
    num_problems: int
    num_retired: int
    num_failed: int | None
    was_finished: bool
    summary: dict[str, Estimate]
    auddc: Estimate | None
    files: dict[str, Path]


def write_report(
    run: Run,
    findings: Findings,
    folder: Path,
    *,
    mode: Mode,
    layers: tuple[str, ...],
    was_finished: bool,
    figures: bool = True,
) -> AttackReport:
    """Writes summaries and figures beside the table of an attack.

    Args:
        run: The attacked run.
        findings: What was found.
        folder: Of the attack.
        mode: Which attack it was.
        layers: The sites that it looked at.
        was_finished: Whether an earlier call had finished it: then only what is absent is written.
        figures: Whether to write figures and posterior draws at all.

    Returns:
        What came of it.

    Raises:
        InputError: If the disk does not take it.
    """
    summary, area = summarise(findings.table), auddc(findings.table)
    title = _title(run, mode, layers)
    records = AttackRecords(folder)
    files = {
        "table": records.table,
        "images": records.images,
        "pairs": records.pairs,
        "summary": folder / "summary.csv",
    }
    written: list[Path] = []
    summaries = [files["summary"], folder / "summary.json"]
    if not (was_finished and all(map(is_intact, summaries))):
        _write_summary(folder, summary, area, findings.table)
        written += summaries
    place = folder / "figures"
    derived = {
        "panels": place / "panels.png",
        "curves": place / "curves.png",
        "posteriors": place / "posteriors.png",
        "draws": folder / "posteriors.nc",
    }
    if not (targeted := has_targets(findings.table)):
        derived = {"panels": derived["panels"]}
    rows = shown_rows(findings.table) if figures else {}
    complete = was_finished and all(is_intact(path, folder) for path in derived.values())
    if rows and not complete:
        with writing(place):
            place.mkdir(exist_ok=True)
        save_figure(_panels(findings, rows, title), derived["panels"])
        if targeted:
            save_figure(_curves(findings.table, area, title), derived["curves"])
            tree = _posteriors(run, findings, rows)
            save_figure(_overlap(findings, rows, tree, title), derived["posteriors"])
            write_netcdf(tree, derived["draws"])
        written += derived.values()
    if written:
        extend_manifest(folder, written)
    return AttackReport(
        folder=folder,
        mode=mode,
        layers=layers,
        targeted=targeted,
        num_pairs=len(findings.pairs["input"]),
        num_problems=len(findings.table),
        num_retired=int((findings.table["stop"] == "nan").sum()),
        num_failed=count_failed(findings.table),
        was_finished=was_finished,
        summary=summary,
        auddc=area,
        files=files | (derived if rows else {}),
    )


def _write_summary(
    folder: Path, summary: dict[str, Estimate], area: Estimate | None, problems: pd.DataFrame
) -> None:
    estimates = summary if area is None else {**summary, "auddc": area}
    if (failed := count_failed(problems)) is not None:
        num, nan = int(problems["failed"].count()), math.nan
        estimates = {**estimates, "failed": Estimate(failed / num, nan, nan, nan, nan, num)}
    table = pd.DataFrame([each._asdict() for each in estimates.values()])
    table.insert(0, "quantity", list(estimates))
    write_atomically(folder / "summary.csv", table.to_csv(index=False))
    write_atomically(folder / "summary.json", to_json(without_nan(estimates)))


def _panels(findings: Findings, rows: dict[int, int], title: str) -> Figure:
    some = dict(list(rows.items())[:MOST_PANELS])
    pairs, chosen = list(some), list(some.values())
    at = findings.table.iloc[chosen]
    return attack_panels(
        findings.pairs["input"][pairs],
        findings.pairs["input_reconstruction"][pairs],
        findings.images["adversarial"][chosen],
        findings.images["distortion"][chosen],
        findings.images["reconstruction"][chosen],
        findings.pairs["target"][pairs] if "target" in findings.pairs else None,
        labels=[
            f"pair {pair}\n\u03bb {weight:.2g}, |d| {norm:.2g}"
            for pair, weight, norm in zip(pairs, at["weight"], at["norm"], strict=True)
        ],
        title=title,
    )


def _curves(table: pd.DataFrame, area: Estimate | None, title: str) -> Figure:
    return distortion_curves(
        {
            f"pair {pair}": (curve.distortion, curve.distance, curve.area)
            for pair, curve in curves(table).items()
        },
        area=None if area is None or math.isnan(area.mean) else area.mean,
        title=title,
    )


def _posteriors(run: Run, findings: Findings, rows: dict[int, int]) -> DataTree:
    pairs, chosen = list(rows), list(rows.values())
    device = next(run.guide.parameters()).device
    batches = (
        findings.pairs["input"][pairs],
        findings.images["adversarial"][chosen],
        findings.pairs["target"][pairs],
    )
    images = {
        name: torch.from_numpy(batch).to(device) for name, batch in zip(NAMES, batches, strict=True)
    }
    return posterior_draws(run.guide, images, model=run.model, pairs=pairs)


def _overlap(findings: Findings, rows: dict[int, int], tree: DataTree, title: str) -> Figure:
    """Draws the pair whose reconstruction came closest to its target."""
    at = findings.table.iloc[list(rows.values())]
    ratio = (at["l2_target"] / at["l2_clean_to_target"]).to_numpy()
    pair = list(rows)[int(ratio.argmin())]
    layers, notes = {}, {}
    for site, values in tree["posterior"].data_vars.items():
        draws = values.sel(pair=pair, chain=0).transpose("draw", "image", ...)
        layers[str(site)] = {name: draws.sel(image=name).to_numpy() for name in NAMES}
        x, adversarial, target = layers[str(site)].values()
        notes[str(site)] = (
            f"overlap with the target: x {overlap(x, target):.2f}, "
            f"x + d {overlap(adversarial, target):.2f}"
        )
    return posterior_overlap(layers, notes=notes, title=f"{title}, pair {pair}")


def _title(run: Run, mode: Mode, layers: tuple[str, ...]) -> str:
    of = "" if mode == "output" else f" on {' + '.join(layers)}"
    return f"{mode} attack{of}: {run_title(run.config, run.step)}"
