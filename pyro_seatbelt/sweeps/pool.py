"""Jobs in processes of this machine."""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import torch

from pyro_seatbelt.attacks.groups import Spread, leave_with_parent
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.sweeps.failures import Failure, failure_of
from pyro_seatbelt.sweeps.job_runs import run_job
from pyro_seatbelt.sweeps.jobs import Job
from pyro_seatbelt.sweeps.stages import Stage, Throttled

_PATIENCE = 60.0
"""Seconds that training has to save where it is when a sweep is stopped."""

_NOTHING, _END = object(), object()
"""What a process has to say that says nothing, and that has hung up."""

Tell = Callable[[str, Stage], None]
"""Is told where a job is, by its name."""


class Outcome(NamedTuple):
    """What came of a job.

    Attributes:
        name: Of the job.
        failure: Why it failed; None if it is finished.
    """

    name: str
    failure: Failure | None


def run_local(
    jobs: Sequence[Job],
    folder: Path,
    *,
    workers: int,
    threads: int,
    tell: Tell,
) -> Generator[Outcome]:
    """Runs jobs in a few spawned processes, each for one job after the other.

    A process that is killed takes its job with it and no other: a new one takes its place. When
    the caller stops, training is told to save where it is; when the caller is killed, the
    processes leave.

    Args:
        jobs: The jobs.
        folder: Of the sweep.
        workers: Processes at a time.
        threads: Threads of each.
        tell: Is told where each job is.

    Yields:
        What came of each, as they end.
    """
    waiting = deque(jobs)
    crew: list[_Worker] = []
    gpus = gpus_for(jobs)
    try:
        for number in range(min(workers, len(jobs))):
            gpu = gpus[number % len(gpus)] if gpus else None
            crew.append(_Worker(folder, threads, gpu))
        while True:
            for worker in crew:
                if worker.job is None and waiting:
                    worker.give(waiting.popleft())
                    tell(worker.doing, Stage("starting", 0.0))
            busy = [worker for worker in crew if worker.job is not None]
            if not busy:
                return
            wait([sign for worker in busy for sign in worker.signs])
            for worker in busy:
                yield from worker.hear(tell)
    finally:
        _dismiss(crew)


class _Worker:
    """A process and the job that it has."""

    def __init__(self, folder: Path, threads: int, gpu: str | None) -> None:
        self._arguments = (folder, threads, gpu)
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(theirs, *self._arguments))
        self.process.start()
        theirs.close()
        self.job: str | None = None

    @property
    def doing(self) -> str:
        """The name of its job."""
        assert self.job is not None
        return self.job

    @property
    def signs(self) -> tuple[Connection, int]:
        """What is ready when the process has something to say, or is gone."""
        return self._connection, self.process.sentinel

    def give(self, job: Job) -> None:
        """Gives it a job; a new process, if the old one is gone."""
        if not self.process.is_alive():
            self._connection.close()
            self.process.join()
            self._start()
        self.job = job.name
        with suppress(OSError):  # it is gone, and its sentinel says so
            self._connection.send(job)

    def hear(self, tell: Tell) -> Iterator[Outcome]:
        """Passes on what it has said since, and what came of its job if that is over."""
        name = self.doing
        gone = not self.process.is_alive()  # asked first: what it said before is still there
        while (message := self._receive()) is not _NOTHING:
            if isinstance(message, Stage):
                tell(name, message)
            elif message is _END:
                gone = True
                break
            else:
                self.job = None
                yield Outcome(name, message)
        if gone and self.job is not None:
            self.job = None
            yield Outcome(name, self._last_words())

    def _receive(self) -> Any:
        try:
            return self._connection.recv() if self._connection.poll() else _NOTHING
        except (EOFError, OSError):
            return _END

    def _last_words(self) -> Failure:
        """Why the process is gone."""
        self.process.join(5)
        if self.process.is_alive():  # it hung up, and that is all it will say
            self.process.kill()
            self.process.join()
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            hint = ": was there enough memory?" if name == "SIGKILL" else ""
            return Failure(f"its process was killed by {name}{hint}")
        return Failure(f"its process ended with status {code}")

    def leave(self) -> None:
        """Lets an idle process go, and asks a busy one to save and go."""
        self._connection.close()
        if self.job is not None:
            self.process.terminate()


def _dismiss(crew: Sequence[_Worker]) -> None:
    for worker in crew:
        worker.leave()
    deadline = time.monotonic() + _PATIENCE
    try:
        for worker in crew:
            worker.process.join(max(0.0, deadline - time.monotonic()))
    finally:  # also when somebody cannot wait
        for worker in crew:
            if worker.process.is_alive():
                worker.process.kill()
            worker.process.join()


def gpus_for(jobs: Sequence[Job]) -> list[str]:
    """Lists the GPUs that processes take turns to have.

    Args:
        jobs: What is to be run.

    Returns:
        Their numbers, as `CUDA_VISIBLE_DEVICES` has them; none where a job names its own device.
    """
    if not torch.cuda.is_available() or any(
        job.config.device not in {"auto", "cuda"} for job in jobs
    ):
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(n) for n in range(torch.cuda.device_count())]


def _work(connection: Connection, folder: Path, threads: int, gpu: str | None) -> None:
    """The life of a process."""
    if sys.platform != "win32":
        os.setpgrp()  # Ctrl-C is for the caller, who tells us in turn
    threading.Thread(target=leave_with_parent, daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    progress = Throttled(connection.send)
    with suppress(EOFError, OSError):  # there are no more jobs
        while True:
            job = connection.recv()
            connection.send(attempt(job, folder, threads=threads, progress=progress))


def attempt(
    job: Job,
    folder: Path,
    *,
    threads: int,
    spread: Spread | None = None,
    progress: Progress = silent,
) -> Failure | None:
    """Runs a job, whatever happens.

    Args:
        job: The job.
        folder: Of the sweep.
        threads: Processors that it has.
        spread: Runs the groups of an attack somewhere else.
        progress: Is told where it is.

    Returns:
        Why it failed; None if it is finished.
    """
    torch.set_num_threads(threads)
    try:
        run_job(job, folder, processes=threads, spread=spread, progress=progress)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the others go on
        return failure_of(error)
    return None
