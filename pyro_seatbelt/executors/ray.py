"""Items as tasks of Ray, on this machine or on a cluster."""

import logging
import os
import pickle
import socket
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

from pyro_seatbelt.allocator import keep_freed_memory
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors.executor import ProgressOf, Task, WorkerDied, begin, silent_for_each
from pyro_seatbelt.executors.messages import now_and_then, outcome_of, pack, read_outcome

if TYPE_CHECKING:
    from ray import ObjectRef

LOCAL = "local"
"""The address of a cluster on this machine that lasts as long as the items."""

_RETRIES = 3
"""How often an item is tried again whose worker died."""

_POLL = 1.0
"""Seconds between two looks at how far the items are."""

_PATIENCE = 60.0
"""Seconds that an item has to end: training saves where it is."""


class Ray:
    """Runs each item as a task of Ray.

    An item whose worker dies is tried again. What runs an item may run items of its own on the
    same cluster, with another `Ray()`. Task and items have to be pickled.

    Args:
        address: Of a cluster: `local` for one of its own, `auto`, `host:port` or `ray://...`. One
            that this process is connected to already is taken, whatever its address.
        workers: Items at a time; None for as many as there are.
        threads: Processors of each.
        gpus: GPUs of each, also a fraction; None for a whole one where there are any.
    """

    def __init__(
        self,
        address: str = LOCAL,
        *,
        workers: int | None = None,
        threads: int = 1,
        gpus: float | None = None,
    ) -> None:
        self.address = address
        self.workers = workers
        self.threads = threads
        self.gpus = gpus

    def run[Item, Result](
        self,
        task: Task[Item, Result],
        items: Sequence[Item],
        progress: ProgressOf = silent_for_each,
    ) -> Generator[tuple[int, Future[Result]]]:
        """Runs a task for each item (see :class:`~pyro_seatbelt.executors.Executor`).

        Raises:
            pickle.PicklingError: If the task or an item cannot be pickled.
            InputError: If Ray is not installed, there is no such cluster, or no GPU for an item.
        """
        if not items:
            return
        work = pack(task, items)
        workers = self.workers or len(items)
        with (
            _cluster(self.address, processors=workers * self.threads) as ray,
            _message_queue() as queue,
        ):
            remote = ray.remote(
                num_cpus=self.threads, num_gpus=self._gpus(ray), max_retries=_RETRIES
            )(_run)
            shared = ray.put(work)  # once per node, not once per item
            waiting = deque(range(len(items)))
            pending: dict[ObjectRef[tuple[bool, bytes]], int] = {}
            try:
                while waiting or pending:
                    while waiting and len(pending) < workers:
                        number = waiting.popleft()
                        pending[remote.remote(shared, number, queue)] = number
                        begin(progress(number))
                    done, _ = ray.wait(list(pending), timeout=_POLL)
                    under_way = {pending[each] for each in pending if each not in done}
                    for number, message in _read(queue):
                        if number in under_way:
                            progress(number)(*message)
                    for each in done:
                        yield pending.pop(each), _outcome(each)
            finally:
                _stop(list(pending))

    def _gpus(self, ray: Any) -> float:
        there = ray.cluster_resources().get("GPU", 0)
        if self.gpus is None:
            return 1.0 if there else 0.0
        if self.gpus > there:
            raise InputError(f"expected a cluster with {self.gpus:g} GPUs for a run, got fewer")
        return self.gpus


def _run(work: bytes, number: int, queue: Any) -> tuple[bool, bytes]:
    """Runs an item in a worker."""

    def send(*message: object) -> None:
        with suppress(Exception):  # the queue may be gone; the item matters
            queue.put_nowait((number, message))

    keep_freed_memory()
    task, items = pickle.loads(work)  # noqa: S301 - our own
    return outcome_of(task, items[number], now_and_then(send))


def _outcome(reference: Any) -> Future[Any]:
    import ray  # noqa: PLC0415 - an extra

    try:
        return read_outcome(*ray.get(reference))
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())
        died = isinstance(
            error,
            ray.exceptions.WorkerCrashedError
            | ray.exceptions.NodeDiedError
            | ray.exceptions.OutOfMemoryError,
        )
        what = f"its worker died {_RETRIES + 1} times" if died else "Ray could not run it"
        outcome = Future[Any]()
        outcome.set_exception(WorkerDied(f"{what}: {reason[:200]}"))
        return outcome


def _stop(pending: Sequence[Any]) -> None:
    import ray  # noqa: PLC0415 - an extra

    for each in pending:
        ray.cancel(each)
    if pending:
        ray.wait(list(pending), num_returns=len(pending), timeout=_PATIENCE)


@contextmanager
def _message_queue() -> Iterator[Any]:
    """A queue on the cluster for the progress of the items."""
    from ray.util.queue import Queue  # noqa: PLC0415 - an extra

    queue = Queue(actor_options={"num_cpus": 0})
    try:
        yield queue
    finally:
        queue.shutdown()


def _read(queue: Any) -> list[tuple[int, tuple[str, float, float, Mapping[str, Any]]]]:
    with suppress(Exception):  # nothing depends on it
        messages: list[Any] = queue.get_nowait_batch(queue.qsize())
        return messages
    return []


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
        with redirect_stdout(cast("TextIO", _ThreadOutput())):
            yield ray
    finally:
        with redirect_stdout(sys.stderr):  # where Ray says what it has kept to itself
            ray.shutdown()


def _check_there(address: str) -> None:
    """Tries to connect first: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


class _ThreadOutput:
    """Standard output for this thread alone; what Ray prints in others goes to standard error."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._output = sys.stdout

    def __getattr__(self, name: str) -> Any:
        mine = threading.get_ident() == self._thread
        return getattr(self._output if mine else sys.stderr, name)
