"""Jobs in processes of this machine."""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import torch

from pyro_seatbelt.attacks.groups import leave_with_parent
from pyro_seatbelt.experiments.failures import Failure, failure_of
from pyro_seatbelt.experiments.jobs import Job, run_job
from pyro_seatbelt.experiments.stages import Stage

_SECONDS = 0.5
"""Least time between two messages about where a job is."""

_PATIENCE = 60.0
"""Seconds that training has to save where it is when a sweep is stopped."""

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
) -> Iterator[Outcome]:
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
    gpus = _gpus(jobs)
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
            ready = wait([each for worker in busy for each in worker.signs])
            for worker in busy:
                if not any(each in ready for each in worker.signs):
                    continue
                name = worker.doing
                for message in worker.messages():
                    if isinstance(message, Stage):
                        tell(name, message)
                    else:
                        yield Outcome(name, message)
                if worker.job is not None and not worker.alive:
                    worker.job = None
                    yield Outcome(name, worker.last_words())
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
        self.alive = True

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
        if not (self.alive and self.process.is_alive()):
            self._connection.close()
            self.process.join()
            self._start()
        self.job = job.name
        with suppress(OSError):  # it is gone, and its sentinel says so
            self._connection.send(job)

    def messages(self) -> Iterator[Stage | Failure | None]:
        """What it has said since; None or a failure is the end of its job."""
        gone = not self.process.is_alive()  # asked first: what it said before is still there
        try:
            while self._connection.poll():
                message = self._connection.recv()
                if not isinstance(message, Stage):
                    self.job = None
                yield message
        except (EOFError, OSError):
            gone = True
        self.alive = not gone

    def last_words(self) -> Failure:
        """Why the process is gone."""
        self.process.join(5)
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


def _gpus(jobs: Sequence[Job]) -> list[str]:
    """The GPUs that processes take turns to have; none where a job names its own."""
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
    torch.set_num_threads(threads)
    with suppress(EOFError, OSError):  # there are no more jobs
        while True:
            job = connection.recv()
            connection.send(attempt(job, folder, threads, _Throttled(connection.send)))


def attempt(job: Job, folder: Path, threads: int, watch: Callable[[Stage], None]) -> Failure | None:
    """Runs a job, whatever happens.

    Args:
        job: The job.
        folder: Of the sweep.
        threads: Processors that it has.
        watch: Is told where it is.

    Returns:
        Why it failed; None if it is finished.
    """
    try:
        run_job(job, folder, processes=threads, watch=watch)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the others go on
        return failure_of(error)
    return None


class _Throttled:
    """Passes on a stage now and then, and each new one."""

    def __init__(self, send: Callable[[Stage], None]) -> None:
        self._send = send
        self._name, self._last = "", 0.0

    def __call__(self, stage: Stage) -> None:
        now = time.monotonic()
        if stage.name != self._name or now - self._last >= _SECONDS:
            self._name, self._last = stage.name, now
            with suppress(OSError):  # nobody listens any more
                self._send(stage)
