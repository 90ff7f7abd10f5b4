"""Jobs as tasks of Ray, on this machine or on a cluster."""

import logging
import os
import pickle
import socket
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import torch

from pyro_seatbelt.attacks.groups import Task
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import silent
from pyro_seatbelt.sweeps.failures import Failure
from pyro_seatbelt.sweeps.jobs import Job
from pyro_seatbelt.sweeps.pool import Outcome, Tell, attempt
from pyro_seatbelt.sweeps.stages import Stage, Throttled

if TYPE_CHECKING:
    from ray import ObjectRef

LOCAL = "local"
"""The address of a cluster on this machine that lasts as long as the sweep."""

_RETRIES = 3
"""How often a task is tried again whose worker died."""

_POLL = 1.0
"""Seconds between two looks at where the jobs are."""

_PATIENCE = 60.0
"""Seconds that training has to save where it is when a sweep is stopped."""


def run_on_ray(
    jobs: Sequence[Job],
    folder: Path,
    *,
    address: str = LOCAL,
    workers: int,
    threads: int,
    gpus: float | None = None,
    tell: Tell,
) -> Generator[Outcome]:
    """Runs each job as a task of Ray, and on the CPU the groups of an attack as tasks of theirs.

    A task whose worker dies is tried again, and goes on where it was. The folder has to be seen
    by every node under the same path.

    Args:
        jobs: The jobs.
        folder: Of the sweep.
        address: Of a cluster: `local` for one of its own, `auto`, `host:port` or `ray://...`.
        workers: Jobs at a time.
        threads: Processors of each.
        gpus: GPUs of each, also a fraction; None for a whole one where there are any.
        tell: Is told where each job is.

    Yields:
        What came of each, as they end.

    Raises:
        InputError: If Ray is not installed, there is no such cluster, or no GPU for a job.
    """
    if not jobs:
        return
    with _cluster(address, processors=workers * threads) as ray:
        if gpus is None:
            gpus = 1.0 if ray.cluster_resources().get("GPU", 0) else 0.0
        elif gpus > ray.cluster_resources().get("GPU", 0):
            raise InputError(f"expected a cluster with {gpus:g} GPUs for a run, got fewer")
        yield from _run(jobs, folder.absolute(), workers, threads, gpus, tell)


def _run(
    jobs: Sequence[Job], folder: Path, workers: int, threads: int, gpus: float, tell: Tell
) -> Iterator[Outcome]:
    import ray  # noqa: PLC0415 - an extra
    from ray.util.queue import Queue  # noqa: PLC0415

    board = Queue(actor_options={"num_cpus": 0})
    task = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=_RETRIES)(_attempt)
    waiting = deque(jobs)
    pending: dict[ObjectRef[Failure | None], str] = {}
    try:
        while waiting or pending:
            while waiting and len(pending) < workers:
                job = waiting.popleft()
                pending[task.remote(job, folder, threads, board)] = job.name
                tell(job.name, Stage("waiting", 0.0))
            done, _ = ray.wait(list(pending), timeout=_POLL)
            names = {pending[each] for each in pending if each not in done}
            for name, stage in _read(board):
                if name in names:
                    tell(name, stage)
            for each in done:
                yield Outcome(pending.pop(each), _result(each))
    finally:
        for each in pending:  # training saves where it is
            ray.cancel(each)
        if pending:
            ray.wait(list(pending), num_returns=len(pending), timeout=_PATIENCE)
        board.shutdown()


def _attempt(job: Job, folder: Path, threads: int, board: Any) -> Failure | None:
    """Runs a job in a worker."""

    def say(stage: Stage) -> None:
        with suppress(Exception):  # the board may be gone; the job matters
            board.put_nowait((job.name, stage))

    return attempt(job, folder, threads=threads, spread=spread_on_ray, progress=Throttled(say))


def spread_on_ray(
    task: Task[Any], groups: Sequence[int], threads: int
) -> Iterator[tuple[int, Any]]:
    """Runs a task for each group of an attack as a task of Ray.

    Args:
        task: The task.
        groups: The groups.
        threads: Threads of each.

    Yields:
        The number of a group, and its result.
    """
    import ray  # noqa: PLC0415 - an extra

    shared = ray.put(pickle.dumps(task))  # once a node, not once a group
    remote = ray.remote(num_cpus=threads, num_gpus=0, max_retries=_RETRIES)(_run_group)
    pending = {remote.remote(shared, group, threads): group for group in groups}
    while pending:
        done, _ = ray.wait(list(pending))
        for each in done:
            yield pending.pop(each), pickle.loads(ray.get(each))  # noqa: S301 - our own worker's


def _run_group(task: bytes, group: int, threads: int) -> bytes:
    torch.set_num_threads(threads)
    return pickle.dumps(pickle.loads(task)(group, silent))  # noqa: S301


def _read(board: Any) -> list[tuple[str, Stage]]:
    with suppress(Exception):  # nothing depends on it
        messages: list[tuple[str, Stage]] = board.get_nowait_batch(board.qsize())
        return messages
    return []


def _result(reference: Any) -> Failure | None:
    import ray  # noqa: PLC0415 - an extra

    try:
        failure: Failure | None = ray.get(reference)
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())
        died = isinstance(
            error,
            ray.exceptions.WorkerCrashedError
            | ray.exceptions.NodeDiedError
            | ray.exceptions.OutOfMemoryError,
        )
        what = f"its worker died {_RETRIES + 1} times" if died else "Ray could not run it"
        return Failure(f"{what}: {reason[:200]}")
    return failure


def import_ray() -> Any:
    """Returns the package `ray`, told to keep what it sees to itself.

    Raises:
        InputError: If it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read by Ray when it starts
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(
            "Ray is not installed: pip install 'pyro-seatbelt[ray]', or leave --ray out"
        ) from error
    return ray


@contextmanager
def _cluster(address: str, *, processors: int) -> Iterator[Any]:
    """A cluster to run on; one that is there already is left as it is."""
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    local: dict[str, Any] = {}
    if address == LOCAL:
        local = {"num_cpus": processors, "include_dashboard": False}
    try:
        _check_there(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{address}: no cluster of Ray that can be used: {reason}") from error
    try:
        with redirect_stdout(cast("TextIO", _OneVoice())):
            yield ray
    finally:
        with redirect_stdout(sys.stderr):  # where Ray says what it has kept to itself
            ray.shutdown()


def _check_there(address: str) -> None:
    """Knocks at an address: Ray itself would for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


class _OneVoice:
    """Standard output for this thread alone: Ray's has news there, and belongs on the other."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._output = sys.stdout

    def __getattr__(self, name: str) -> Any:
        mine = threading.get_ident() == self._thread
        return getattr(self._output if mine else sys.stderr, name)
