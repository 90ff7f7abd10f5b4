"""Many jobs in one folder."""

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from pyro_seatbelt.data import DrawnSet, dataset_spec, load_dataset
from pyro_seatbelt.documents import read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.formats import from_json, to_json
from pyro_seatbelt.locks import locked
from pyro_seatbelt.progress import NO_NUMBERS, Progress, silent
from pyro_seatbelt.signals import stopping
from pyro_seatbelt.sweeps.failures import (
    failure_in,
    forget_failure,
    keep_failure,
    num_attempts,
)
from pyro_seatbelt.sweeps.finished import finished_job
from pyro_seatbelt.sweeps.job import Job, merge_jobs, part_of
from pyro_seatbelt.sweeps.placement import place_jobs
from pyro_seatbelt.sweeps.sweep_options import SweepOptions
from pyro_seatbelt.sweeps.tables import write_tables


class SweepResult(NamedTuple):
    """What came of a sweep.

    Attributes:
        folder: Where everything is.
        finished: Names of the jobs that this call finished.
        failed: Why the others failed, by name.
        skipped: Names of the jobs that earlier calls had finished.
        tables: Files by name.
    """

    folder: Path
    finished: list[str]
    failed: dict[str, str]
    skipped: list[str]
    tables: dict[str, Path]


def run_jobs(
    jobs: Sequence[Job],
    folder: Path,
    options: SweepOptions | None = None,
    *,
    progress: Progress = silent,
) -> SweepResult:
    """Runs jobs and keeps everything in one folder.

    The folder holds `sweep.json` with the jobs, `runs/` with their runs, `failures/` with a file
    for each job that failed, and `tables/` over all runs. The same call goes on where an earlier
    one stopped or was killed: what is finished is not made again, what failed is tried again.

    Args:
        jobs: The jobs; those that share a run become one.
        folder: Of the sweep; absent, empty or a sweep's, also another's.
        options: Where they run, and which of them.
        progress: Is told how far the making of images is, and then how many runs' worth of work is
            over, with the numbers `finished` (those of earlier calls too), `failed` and `running`.

    Returns:
        What came of it.

    Raises:
        InputError: If something that the user gave cannot be used, another process is at this
            sweep, or it cannot be written. What is wrong with one job is its failure.
        KeyboardInterrupt: If a signal asked to stop; what was being trained has been saved.
    """
    jobs = merge_jobs(jobs)
    options = options or SweepOptions()
    executor, task = place_jobs(jobs, folder, options)
    mine = part_of(jobs, options.shard)
    _check_free(folder)
    with writing(folder):
        (folder / "runs").mkdir(parents=True, exist_ok=True)
    busy = "another process is at this sweep: wait for it, or take shards (--shard 1/2)"
    with locked(folder, busy, shared=options.shard is not None):
        for job in mine:
            num_attempts(folder, job.name)  # raises if a newer version wrote it
        _write_jobs(jobs, folder)
        skipped = [job.name for job in mine if finished_job(job, folder) is not None]
        todo = [job for job in mine if job.name not in skipped]
        _make_data(todo, progress)
        counts = _Counts(len(mine), len(skipped), progress)
        finished, failed = list[str](), dict[str, str]()
        with stopping() as stop, closing(executor.run(task, todo, counts.of_job)) as outcomes:
            for number, outcome in outcomes:
                name, failure = todo[number].name, failure_in(outcome)
                if failure is None:
                    forget_failure(folder, name)
                    finished.append(name)
                else:
                    keep_failure(folder, name, failure)
                    failed[name] = failure.error
                counts.end(number, failed=failure is not None)
                if stop.requested:  # it was training in this process, and has saved
                    raise KeyboardInterrupt
        for name in skipped:
            forget_failure(folder, name)
        tables = write_tables(folder)
    return SweepResult(folder, finished, failed, skipped, tables)


class _Counts:
    """How many runs' worth of work is over, from how much of each job is done."""

    def __init__(self, total: int, skipped: int, progress: Progress) -> None:
        self._total = total
        self._finished = skipped
        self._failed = 0
        self._running: dict[int, float] = {}
        self._progress = progress
        self._report()

    def of_job(self, number: int) -> Progress:
        """The progress of a job."""

        def progress(
            stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
        ) -> None:
            del stage, numbers
            self._running[number] = done / total
            self._report()

        return progress

    def end(self, number: int, *, failed: bool) -> None:
        """Counts a job that is over."""
        self._running.pop(number, None)
        self._failed += failed
        self._finished += not failed
        self._report()

    def _report(self) -> None:
        over = self._finished + self._failed
        numbers = {
            "finished": self._finished,
            "failed": self._failed,
            "running": len(self._running),
        }
        self._progress("runs", over + sum(self._running.values()), self._total, numbers)


def _check_free(folder: Path) -> None:
    """Sees that a folder is a sweep's, or can be."""
    if (folder / "sweep.json").is_file():
        return
    with writing(folder):  # what is in runs/ is checked run by run
        ours = [folder / name for name in ("failures", "tables")]
        taken = [path for path in ours if path.exists() and any(path.iterdir())]
    if taken or (folder / "config.json").exists():
        raise InputError(f"{folder}: expected an absent folder or that of a sweep: choose another")


def _write_jobs(jobs: Sequence[Job], folder: Path) -> None:
    path = folder / "sweep.json"
    before: list[dict[str, object]] = []
    if path.is_file():
        with suppress(OSError, KeyError, TypeError):
            before = list(from_json(path, read_bytes(path))["jobs"])
    plain = {str(each["name"]): each for each in before} | {job.name: job.plain() for job in jobs}
    write_atomically(path, to_json({"jobs": list(plain.values())}))


def _make_data(jobs: Sequence[Job], progress: Progress) -> None:
    """Draws what several jobs would otherwise draw at the same time."""
    for name, ids in dict.fromkeys((job.config.dataset, job.config.ids) for job in jobs):
        with suppress(InputError):  # it is the failure of its jobs
            if isinstance(dataset_spec(name), DrawnSet):
                load_dataset(name, ids=ids, progress=progress)
