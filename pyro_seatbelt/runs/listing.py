"""Finding runs."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs.folder import RunFolder, Status, runs_root


class RunSummary(NamedTuple):
    """One line about a run.

    Attributes:
        folder: The folder.
        status: How it stands; `damaged` if its files cannot be read.
        model: Member of the family.
        dataset: What it learns.
        step: Step of its newest checkpoint.
        started: When it began.
    """

    folder: Path
    status: Status | str
    model: str
    dataset: str
    step: int
    started: datetime | None


def list_runs(root: Path | None = None) -> list[RunSummary]:
    """Lists the runs in a folder.

    Args:
        root: Folder of runs, of a sweep, or of one run, by default ``$SEATBELT_RUNS`` or `runs`.

    Returns:
        A line for each, the newest last.

    Raises:
        InputError: If the folder is not there.
    """
    root = root or runs_root()
    if not root.is_dir():
        raise InputError(f"{root}: no such folder of runs: `seatbelt train` makes the first one")
    places = [*root.glob("run.json"), *root.glob("*/run.json"), *root.glob("runs/*/run.json")]
    summaries = [_summary(path.parent) for path in places]
    return sorted(
        summaries, key=lambda each: (each.started.timestamp() if each.started else 0, each.folder)
    )


def newest_run(root: Path | None = None) -> Path:
    """Finds the run that was started last.

    Args:
        root: Folder of runs, by default ``$SEATBELT_RUNS`` or `runs`.

    Returns:
        Its folder.

    Raises:
        InputError: If there is none.
    """
    runs = [each for each in list_runs(root) if each.status != "damaged"]
    if not runs:
        raise InputError(f"{root or runs_root()}: no run here: `seatbelt train` makes one")
    return runs[-1].folder


def _summary(path: Path) -> RunSummary:
    folder = RunFolder(path)
    step = 0
    try:
        step = folder.newest_step() or 0
        config, record = folder.read_config(), folder.read_record()
        status = folder.status(record)
    except (InputError, OSError):
        return RunSummary(path, "damaged", "", "", step, None)
    return RunSummary(path, status, config.model, config.dataset, step, record.started)
