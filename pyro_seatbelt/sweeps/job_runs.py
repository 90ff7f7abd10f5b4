"""Runs of jobs: trained, attacked and evaluated, each stage once."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pyro_seatbelt.attacks.groups import Spread
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.locks import lock
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.runs.attack import attack_run
from pyro_seatbelt.runs.evaluate import evaluate_run
from pyro_seatbelt.runs.evaluate_options import EvaluateOptions
from pyro_seatbelt.runs.evaluation import read_evaluation
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.records import AttackRecords
from pyro_seatbelt.runs.train import resume_run, train_run
from pyro_seatbelt.sweeps.jobs import Job, plain_options
from pyro_seatbelt.sweeps.stages import Stages
from pyro_seatbelt.training.config import CHANGEABLE, TrainConfig
from pyro_seatbelt.training.device import make_fabric
from pyro_seatbelt.training.layout import checkpoints, step_of


class JobReport(NamedTuple):
    """What came of a job.

    Attributes:
        run: The folder of the run.
        attacks: Folders of its attacks.
        evaluation: Folder of its evaluation, if there is one.
        was_finished: Whether there was nothing left to do.
    """

    run: Path
    attacks: tuple[Path, ...]
    evaluation: Path | None
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


def run_job(
    job: Job,
    folder: Path,
    *,
    processes: int = 1,
    spread: Spread | None = None,
    progress: Progress = silent,
) -> JobReport:
    """Trains, attacks and evaluates a run in `runs/` in a folder; finished stages are not redone.

    A job that was killed at any moment is continued by the same call, and ends with the same
    numbers. `job.json` in the folder of the run comes last and says that all is there.

    Args:
        job: The job.
        folder: Of the sweep.
        processes: Processes that share an attack on the CPU, where its options leave that open.
        spread: Runs the groups of an attack somewhere else, on the CPU.
        progress: Is told which stage it is at, and how much of the job is done, of 1.

    Returns:
        What came of it.

    Raises:
        InputError: If something that the user gave cannot be used.
        TrainingDiverged: If the run's loss or gradient is not finite, or absurdly large.
        KeyboardInterrupt: If training was asked to stop, and has saved where it is.
    """
    if (finished := finished_job(job, folder)) is not None:
        return finished
    place = job_place(job.name, folder)
    stages = Stages(progress, 1 + len(job.attacks) + (job.evaluation is not None))
    _train(job.config, place, stages.next("training"))
    made: list[list[str]] = []
    for number, options in enumerate(job.attacks):
        on_cpu = make_fabric(options.device).device.type == "cpu"
        shared = processes if options.processes is None and on_cpu else options.processes
        reports = attack_run(
            place,
            options.model_copy(update={"processes": shared}),
            spread=spread,
            progress=stages.next(f"attack {number + 1} of {len(job.attacks)}", *options.modes),
        )
        made.append([report.folder.name for report in reports])
    if job.evaluation is not None:
        stages.next("evaluation")
        evaluate_run(place, job.evaluation)
    _write_mark(job, place, made)
    return _report(job, place, [name for names in made for name in names], was_finished=False)


def finished_job(job: Job, folder: Path) -> JobReport | None:
    """Tells what came of a job that is finished.

    Args:
        job: The job.
        folder: Of the sweep.

    Returns:
        Where everything is; None if something is left to do.
    """
    place = job_place(job.name, folder)
    mark = _read_mark(place)
    if mark is None or mark["step"] != _newest_step(place):
        return None
    made = {_key(entry["options"]): entry["folders"] for entry in mark["attacks"]}
    names: list[str] = []
    for options in job.attacks:
        if (folders := made.get(_key(plain_options(options)))) is None:
            return None
        names += folders
    if job.evaluation is not None and mark["evaluation"] != plain_options(job.evaluation):
        return None
    report = _report(job, place, names, was_finished=True)
    there = [AttackRecords(path).finished for path in report.attacks]
    if job.evaluation is not None:
        there.append(_evaluated(place, job.evaluation, mark["step"]))
    return report if all(there) else None


def _evaluated(place: Path, options: EvaluateOptions, step: int) -> bool:
    """Whether the evaluation is still what a job asked for: somebody may have made another."""
    try:
        found, record = read_evaluation(place), RunFolder(place).read_record()
    except InputError:  # damaged: the job finds out, and says so
        return False
    return found is not None and found.answers(options, record, step)


def _train(config: TrainConfig, place: Path, progress: Progress) -> None:
    if (place / "config.json").is_file():
        _check_same(config, RunFolder(place).read_config(), place)
        changes = {name: getattr(config, name) for name in sorted(CHANGEABLE)}
        result = resume_run(place, changes, progress=progress)
    else:
        _clear(place)
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
        result = train_run(config, out=place, progress=progress)
    if result.status == "interrupted":
        raise KeyboardInterrupt


def _check_same(config: TrainConfig, found: TrainConfig, place: Path) -> None:
    """Checks that a run is the one that a job means: its name leaves the defaults out."""
    for name in TrainConfig.model_fields:
        wanted, there = getattr(config, name), getattr(found, name)
        if wanted != there and name not in CHANGEABLE:
            raise InputError(
                f"{place}: expected a run with {name} {wanted}, it has {there}: choose another "
                "folder for the sweep, or move the run away"
            )


def _clear(place: Path) -> None:
    """Removes what a process that was killed before its run began had been writing."""
    if not place.is_dir():
        return
    with lock(place) as mine, writing(place):
        if not mine:
            raise InputError(f"{place}: another process is training this run")
        for part in place.glob(".*.part"):
            part.unlink()


def _mark(place: Path) -> Path:
    return place / "job.json"


def _write_mark(job: Job, place: Path, made: Sequence[Sequence[str]]) -> None:
    step, before = _newest_step(place), _read_mark(place)
    attacks: dict[str, dict[str, Any]] = {}
    evaluation = job.plain()["evaluation"]
    if before is not None and before["step"] == step:  # what other sweeps asked of this run
        attacks = {_key(entry["options"]): entry for entry in before["attacks"]}
        evaluation = evaluation or before["evaluation"]
    for options, folders in zip(job.attacks, made, strict=True):
        plain = plain_options(options)
        attacks[_key(plain)] = {"options": plain, "folders": list(folders)}
    content = {"step": step, "attacks": list(attacks.values()), "evaluation": evaluation}
    write_atomically(_mark(place), json.dumps(content, indent=2) + "\n")


def _read_mark(place: Path) -> dict[str, Any] | None:
    """What the mark says; None if there is none that can be read."""
    try:
        mark = json.loads(_mark(place).read_text("utf-8"))
        return {name: mark[name] for name in ("step", "attacks", "evaluation")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _newest_step(place: Path) -> int | None:
    there = checkpoints(RunFolder(place).checkpoints)
    return step_of(there[-1]) if there else None


def _key(plain: object) -> str:
    return json.dumps(plain, sort_keys=True)


def _report(job: Job, place: Path, attacks: Sequence[str], *, was_finished: bool) -> JobReport:
    return JobReport(
        place,
        tuple(place / "attacks" / name for name in attacks),
        None if job.evaluation is None else place / "evaluation",
        was_finished,
    )
