"""The run of a job: trained, attacked and measured, each stage once."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import Executor
from pyro_seatbelt.files import writing
from pyro_seatbelt.locks import lock
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.runs.attack import attack_run
from pyro_seatbelt.runs.attack_options import AttackOptions
from pyro_seatbelt.runs.evaluate import evaluate_run
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.robustness import robustness_of_run
from pyro_seatbelt.runs.robustness_options import RobustnessOptions
from pyro_seatbelt.runs.train import resume_run, train_run
from pyro_seatbelt.sweeps.failures import Failure, failure_of
from pyro_seatbelt.sweeps.finished import JobReport, finished_job, job_place, mark_finished
from pyro_seatbelt.sweeps.job import Job
from pyro_seatbelt.sweeps.stages import Stages
from pyro_seatbelt.training.config import CHANGEABLE, TrainConfig
from pyro_seatbelt.training.device import make_fabric

_PATIENCE = 60.0
"""Seconds that a run may be in use: as long as a worker has to leave."""


def run_job(
    job: Job,
    folder: Path,
    *,
    processes: int = 1,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> JobReport:
    """Trains, attacks and measures a run in `runs/` in a folder; finished stages are not redone.

    A job that was killed at any moment is continued by the same call, and ends with the same
    numbers. `job.json` in the folder of the run comes last and says that all is there.

    Args:
        job: The job.
        folder: Of the sweep.
        processes: Processes that share an attack on the CPU, where its options leave that open.
        executor: Runs the groups of an attack on the CPU instead.
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
    measured = [job.evaluation, job.robustness]
    stages = Stages(progress, 1 + len(job.attacks) + len(measured) - measured.count(None))
    _train(job.config, place, stages.next("training"))
    made: list[list[str]] = []
    for number, options in enumerate(job.attacks):
        reports = attack_run(
            place,
            _sharing(options, processes),
            executor=executor,
            progress=stages.next(f"attack {number + 1} of {len(job.attacks)}", *options.modes),
        )
        made.append([report.folder.name for report in reports])
    if job.evaluation is not None:
        stages.next("evaluation")
        evaluate_run(place, job.evaluation)
    if job.robustness is not None:
        robustness_of_run(
            place,
            _sharing(job.robustness, processes),
            progress=stages.next("robustness", *job.robustness.modes),
        )
    return mark_finished(job, folder, made)


@dataclass(frozen=True)
class Attempt:
    """Runs a job, whatever happens: the task of a sweep.

    Attributes:
        folder: Of the sweep.
        threads: Processors that a job has.
        executor: Runs the groups of an attack on the CPU; None for as many processes.
    """

    folder: Path
    threads: int
    executor: Executor | None = None

    def __call__(self, job: Job, progress: Progress) -> Failure | None:
        """Runs a job.

        Args:
            job: The job.
            progress: Is told where it is.

        Returns:
            Why it failed; None if it is finished.
        """
        torch.set_num_threads(self.threads)
        try:
            run_job(
                job,
                self.folder,
                processes=self.threads,
                executor=self.executor,
                progress=progress,
            )
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the others go on
            return failure_of(error)
        return None


def _sharing[O: (AttackOptions, RobustnessOptions)](options: O, processes: int) -> O:
    """Gives attacks on the CPU their processes, where the options leave that open."""
    on_cpu = make_fabric(options.device).device.type == "cpu"
    shared = processes if options.processes is None and on_cpu else options.processes
    return options.model_copy(update={"processes": shared})


def _train(config: TrainConfig, place: Path, progress: Progress) -> None:
    if place.is_dir():
        _wait_for_worker(place)
    if (place / "config.json").is_file():
        _check_same(config, RunFolder(place).read_config(), place)
        changes = {name: getattr(config, name) for name in sorted(CHANGEABLE)}
        result = resume_run(place, changes, progress=progress)
    else:
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
        result = train_run(config, out=place, progress=progress)
    if result.status == "interrupted":
        raise KeyboardInterrupt


def _wait_for_worker(place: Path) -> None:
    """Waits while the worker of a sweep that was killed still saves the run."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with lock(place) as mine:
            if mine:
                return
        time.sleep(0.1)


def _check_same(config: TrainConfig, found: TrainConfig, place: Path) -> None:
    """Checks that a run is the one that a job means: its name leaves the defaults out."""
    for name in TrainConfig.model_fields:
        wanted, there = getattr(config, name), getattr(found, name)
        if wanted != there and name not in CHANGEABLE:
            raise InputError(
                f"{place}: expected a run with {name} {wanted}, it has {there}: choose another "
                "folder for the sweep, or move the run away"
            )
