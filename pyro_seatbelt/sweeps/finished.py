"""What of a job is finished: `job.json` in the folder of its run."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pyro_seatbelt.documents import read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically
from pyro_seatbelt.formats import NewerFormat, from_json, to_json
from pyro_seatbelt.options import Options
from pyro_seatbelt.runs.evaluation import read_evaluation
from pyro_seatbelt.runs.folder import RunFolder, RunRecord, table_file
from pyro_seatbelt.sweeps.job import Job, plain_options

_MEASUREMENTS = ("evaluation", "robustness")
"""What a run has one of, besides its attacks."""


class _Answer[O: Options](Protocol):
    def answers(self, options: O, record: RunRecord, step: int | None) -> bool: ...


class JobReport(NamedTuple):
    """What came of a job.

    Attributes:
        run: The folder of the run.
        attacks: Folders of its attacks.
        evaluation: Folder of its evaluation, if there is one.
        robustness: Folder of the measurement of its robustness, if there is one.
        was_finished: Whether there was nothing left to do.
    """

    run: Path
    attacks: tuple[Path, ...]
    evaluation: Path | None
    robustness: Path | None
    was_finished: bool


def job_place(name: str, folder: Path) -> Path:
    """Where the run of a job is.

    Args:
        name: Of the job.
        folder: Of the sweep.

    Example:
        >>> job_place("synth-chairs-vae", Path("sweep")).as_posix()
        'sweep/runs/synth-chairs-vae'
    """
    return folder / "runs" / name


def finished_job(job: Job, folder: Path) -> JobReport | None:
    """Tells what came of a job that is finished.

    Args:
        job: The job.
        folder: Of the sweep.

    Returns:
        Where everything is; None if something is left to do.

    Raises:
        NewerFormat: If a newer version marked it.
    """
    place = job_place(job.name, folder)
    mark = _read_mark(place)
    if mark is None or mark["step"] != RunFolder(place).newest_step():
        return None
    made = {_key(entry["options"]): entry["folders"] for entry in mark["attacks"]}
    names: list[str] = []
    for options in job.attacks:
        if (folders := made.get(_key(plain_options(options)))) is None:
            return None
        names += folders
    for name in _MEASUREMENTS:
        wanted = job.plain()[name]
        if wanted is not None and mark[name] != wanted:
            return None
    report = _report(job, place, names, was_finished=True)
    there = [table_file(path).is_file() for path in report.attacks]
    if job.evaluation is not None:
        there.append(_answered(read_evaluation, place, job.evaluation, mark["step"]))
    if job.robustness is not None:
        # it needs pandas, which the list of a sweep's runs is quick without
        from pyro_seatbelt.runs.robustness_numbers import read_robustness  # noqa: PLC0415

        there.append(_answered(read_robustness, place, job.robustness, mark["step"]))
    return report if all(there) else None


def mark_finished(job: Job, folder: Path, made: Sequence[Sequence[str]]) -> JobReport:
    """Writes `job.json` in the folder of a run, which says that all that a job asked is there.

    Args:
        job: The job.
        folder: Of the sweep.
        made: Names of the folders of each of its attacks.

    Returns:
        Where everything is.

    Raises:
        InputError: If it cannot be written.
    """
    place = job_place(job.name, folder)
    step, before = RunFolder(place).newest_step(), _read_mark(place)
    attacks: dict[str, dict[str, Any]] = {}
    measured = {name: job.plain()[name] for name in _MEASUREMENTS}
    if before is not None and before["step"] == step:  # what other sweeps asked of this run
        attacks = {_key(entry["options"]): entry for entry in before["attacks"]}
        measured = {name: each or before[name] for name, each in measured.items()}
    for options, folders in zip(job.attacks, made, strict=True):
        plain = plain_options(options)
        attacks[_key(plain)] = {"options": plain, "folders": list(folders)}
    content = {"step": step, "attacks": list(attacks.values()), **measured}
    write_atomically(_mark(place), to_json(content))
    return _report(job, place, [name for names in made for name in names], was_finished=False)


def _answered[O: Options](
    read: Callable[[Path], _Answer[O] | None], place: Path, options: O, step: int
) -> bool:
    """Whether what is there is still what a job asked for: somebody may have made another."""
    try:
        found, record = read(place), RunFolder(place).read_record()
    except InputError:  # damaged: the job finds out, and says so
        return False
    return found is not None and found.answers(options, record, step)


def _mark(place: Path) -> Path:
    return place / "job.json"


def _read_mark(place: Path) -> dict[str, Any] | None:
    """What the mark says; None if there is none that can be understood."""
    try:
        mark = from_json(_mark(place), read_bytes(_mark(place)))
        known = {name: mark[name] for name in ("step", "attacks", "evaluation")}
        return known | {"robustness": mark.get("robustness")}  # absent in earlier versions
    except NewerFormat:
        raise
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(plain: object) -> str:
    return json.dumps(plain, sort_keys=True)


def _report(job: Job, place: Path, attacks: Sequence[str], *, was_finished: bool) -> JobReport:
    return JobReport(
        place,
        tuple(RunFolder(place).attacks / name for name in attacks),
        None if job.evaluation is None else RunFolder(place).evaluation,
        None if job.robustness is None else RunFolder(place).robustness,
        was_finished,
    )
