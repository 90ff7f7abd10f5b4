"""Evaluations of a trained run, kept in its folder."""

from pathlib import Path
from typing import NamedTuple

import xarray as xr
from xarray import DataTree

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import make_folder, write_atomically, writing
from pyro_seatbelt.formats import to_json
from pyro_seatbelt.locks import locked
from pyro_seatbelt.manifest import (
    extend_manifest,
    is_intact,
    remove_manifest,
    write_manifest,
)
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.runs.evaluate_options import EvaluateOptions
from pyro_seatbelt.runs.evaluation import Evaluation, EvaluationFolder, read_evaluation
from pyro_seatbelt.runs.evaluation_figures import draw_evaluation, figure_names
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.images import open_same_data
from pyro_seatbelt.runs.measure import measure
from pyro_seatbelt.runs.netcdf import write_netcdf
from pyro_seatbelt.runs.open import Run, load_idle_run
from pyro_seatbelt.signals import stopping
from pyro_seatbelt.training.device import make_fabric


class EvaluationReport(NamedTuple):
    """What came of an evaluation.

    Attributes:
        folder: Where everything is.
        evaluation: The numbers.
        files: Files by name: `numbers`, `tree`, and the figures.
        was_finished: Whether an earlier call had measured it, and nothing was measured again.
    """

    folder: Path
    evaluation: Evaluation
    files: dict[str, Path]
    was_finished: bool


@stopping()
def evaluate_run(
    path: Path,
    options: EvaluateOptions | None = None,
    *,
    progress: Progress = silent,
) -> EvaluationReport:
    """Measures a trained run and keeps the numbers in `evaluation/` in its folder.

    A finished evaluation of the same checkpoint with the same settings is read; other settings
    take its place. Disentanglement is measured on images that the run was trained on, all
    else on held-out ones.

    Args:
        path: The folder of the run.
        options: What to measure.
        progress: Is told how far the making of images is, and then each stage of measuring.

    Returns:
        The numbers, and where they are.

    Raises:
        InputError: If something that the user gave cannot be used: the run is still being
            trained or evaluated, has no checkpoint or other data, or there is no such device.
    """
    options = options or EvaluateOptions()
    device = make_fabric(options.device).device
    run = load_idle_run(path, device=device)
    place = EvaluationFolder(RunFolder(path).evaluation)
    names = figure_names(run.model.num_layers) if options.figures else ()
    found = None if options.force else _finished(run, place, options)
    figures = [place.figures / name for name in names]
    if found is not None and all(is_intact(figure, place.path) for figure in figures):
        return _report(place, found, names, was_finished=True)
    dataset, split = open_same_data(path, run.config, run.record, progress)
    with writing(place.path):
        make_folder(place.path)
    with locked(place.path, "another process is evaluating this run"):
        if found is None:
            measured, tree = measure(run, dataset, split, options, progress)
            _write(place, measured, tree)
        else:
            measured, tree = found, _read_tree(place)
        if names:
            draw_evaluation(
                run,
                dataset.images.to(device),
                split.heldout,
                tree,
                place.figures,
                progress=progress,
            )
            extend_manifest(place.path, figures)
    return _report(place, measured, names, was_finished=found is not None)


def _finished(run: Run, place: EvaluationFolder, options: EvaluateOptions) -> Evaluation | None:
    """The evaluation that is there, if it is of this checkpoint and has these settings."""
    found = read_evaluation(run.folder)
    if found is None or not place.tree.is_file():
        return None
    if not found.answers(options, run.record, run.step):
        return None
    _check_tree(place)
    return found


def _write(place: EvaluationFolder, evaluation: Evaluation, tree: DataTree) -> None:
    """Puts an evaluation in the place of an earlier one; the numbers come last."""
    remove_manifest(place.path)
    with writing(place.path):
        place.numbers.unlink(missing_ok=True)
        for figure in (*place.figures.glob("*.png"), *place.figures.glob("*.gif")):
            figure.unlink()
    write_netcdf(tree, place.tree)
    write_atomically(place.numbers, to_json(evaluation.model_dump(mode="json")))
    write_manifest(place.path, [place.numbers, place.tree])


_BROKEN_TREE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError,
    MemoryError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What h5netcdf and xarray raise on damaged files."""


def _read_tree(place: EvaluationFolder) -> DataTree:
    _check_tree(place)
    try:
        with xr.open_datatree(place.tree, engine="h5netcdf") as tree:
            return tree.load()
    except _BROKEN_TREE as error:
        raise _damaged(place.tree) from error


def _check_tree(place: EvaluationFolder) -> None:
    if not is_intact(place.tree):
        raise _damaged(place.tree)


def _damaged(tree: Path) -> InputError:
    return InputError(f"{tree}: the file is damaged: evaluate again by --force")


def _report(
    place: EvaluationFolder, evaluation: Evaluation, names: tuple[str, ...], *, was_finished: bool
) -> EvaluationReport:
    figures = {Path(name).name: place.figures / name for name in names}
    files = {"numbers": place.numbers, "tree": place.tree, **figures}
    return EvaluationReport(place.path, evaluation, files, was_finished)
