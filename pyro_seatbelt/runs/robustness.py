"""The robustness of a trained run, kept in its folder."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import make_folder, write_atomically, writing
from pyro_seatbelt.formats import to_json
from pyro_seatbelt.locks import locked
from pyro_seatbelt.manifest import extend_manifest, is_intact, remove_manifest, write_manifest
from pyro_seatbelt.plots import CoveredCurves, covered_panels
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.runs.figures import run_title, save_figure
from pyro_seatbelt.runs.open import Run, load_idle_run
from pyro_seatbelt.runs.parquet import to_parquet
from pyro_seatbelt.runs.robustness_attacks import attacked
from pyro_seatbelt.runs.robustness_measure import Measured, measure_robustness
from pyro_seatbelt.runs.robustness_numbers import (
    Robustness,
    RobustnessFolder,
    of_run,
    read_robustness,
    read_table,
)
from pyro_seatbelt.runs.robustness_options import RobustnessOptions
from pyro_seatbelt.signals import stopping
from pyro_seatbelt.training.device import make_fabric


class RobustnessReport(NamedTuple):
    """What came of a measurement.

    Attributes:
        run: The folder of the run.
        folder: Where everything is.
        robustness: The numbers.
        files: Files by name: `numbers`, `pairs`, `curves`, and the figure `covered`.
        was_finished: Whether an earlier call had measured it, and nothing was measured again.
    """

    run: Path
    folder: Path
    robustness: Robustness
    files: dict[str, Path]
    was_finished: bool


@stopping()
def robustness_of_run(
    path: Path, options: RobustnessOptions | None = None, *, progress: Progress = silent
) -> RobustnessReport:
    """Measures how robust a trained run is and keeps the numbers in `robustness/` in its folder.

    It looks at the attacks that the run has where they suffice, and makes the others. A finished
    measurement of the same checkpoint with the same settings is read; other settings take its
    place.

    Args:
        path: The folder of the run.
        options: How hard to attack, and what else to measure.
        progress: Is told how far each attack is, and then each stage of measuring.

    Returns:
        The numbers, and where they are.

    Raises:
        InputError: If something that the user gave cannot be used: the run is still being
            trained or measured, has no checkpoint or other data, or there is no such device.
    """
    options = options or RobustnessOptions()
    device = make_fabric(options.device).device
    run = load_idle_run(path, device=device)
    place = of_run(path)
    found = None if options.force else _finished(run, place, options)
    was_finished = found is not None
    if found is None:
        attacks = attacked(run, options, progress)
        with writing(place.path):
            make_folder(place.path)
        with locked(place.path, "another process is measuring this run"):
            measured = measure_robustness(run, attacks, options, progress)
            _write(place, measured)
        found = measured.numbers
    files = {"numbers": place.numbers, "pairs": place.pairs, "curves": place.curves}
    if options.figures:
        if not is_intact(place.covered):
            curves = covered_curves(place, run_title(run.config, run.step))
            save_figure(covered_panels([curves]), place.covered)
            extend_manifest(place.path, [place.covered])
        files["covered"] = place.covered
    return RobustnessReport(path, place.path, found, files, was_finished)


def report_of(path: Path) -> RobustnessReport:
    """Reads what an earlier measurement found.

    Args:
        path: The folder of the run.

    Returns:
        The numbers, and where they are.

    Raises:
        InputError: If there is none, or a file is damaged.
    """
    place, found = of_run(path), read_robustness(path)
    if found is None:
        raise InputError(f"{path}: the robustness has not been measured: seatbelt robustness does")
    files = {"numbers": place.numbers, "pairs": place.pairs, "curves": place.curves}
    return RobustnessReport(path, place.path, found, files, was_finished=True)


def covered_curves(place: RobustnessFolder, name: str) -> CoveredCurves:
    """Reads how much of the way the pairs of a run have covered at each distortion.

    Args:
        place: The folder of the measurement.
        name: What the run is called.

    Raises:
        InputError: If the file is damaged.
    """
    table = read_table(place.curves)
    covered, blend = (
        table.pivot_table(index="pair", columns="distortion", values=column, dropna=False)
        for column in ("covered", "blend")
    )
    return CoveredCurves(
        name, covered.columns.to_numpy(dtype=np.float64), covered.to_numpy(), blend.to_numpy()
    )


def _finished(run: Run, place: RobustnessFolder, options: RobustnessOptions) -> Robustness | None:
    """What is there, if it is of this checkpoint and has these settings."""
    found = read_robustness(run.folder)
    if found is None or not (is_intact(place.pairs) and is_intact(place.curves)):
        return None
    return found if found.answers(options, run.record, run.step) else None


def _write(place: RobustnessFolder, measured: Measured) -> None:
    """Puts a measurement in the place of an earlier one; the numbers come last."""
    remove_manifest(place.path)
    with writing(place.path):
        place.numbers.unlink(missing_ok=True)
        place.covered.unlink(missing_ok=True)
    write_atomically(place.pairs, to_parquet(measured.pairs))
    write_atomically(place.curves, to_parquet(measured.curves))
    write_atomically(place.numbers, to_json(measured.numbers.model_dump(mode="json")))
    write_manifest(place.path, [place.pairs, place.curves, place.numbers])
