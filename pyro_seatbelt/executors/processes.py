"""Items in several processes of this machine."""

import os
import pickle
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any, Literal

from pyro_seatbelt.allocator import keep_freed_memory
from pyro_seatbelt.executors.executor import ProgressOf, Task, WorkerDied, begin, silent_for_each
from pyro_seatbelt.executors.messages import now_and_then, outcome_of, pack, read_outcome
from pyro_seatbelt.signals import stopping

StartMethod = Literal["fork", "spawn"]

_PATIENCE = 60.0
"""Seconds that a process has to leave: training saves where it is."""

type _Work = tuple[Task[Any, Any], Sequence[Any]]
"""A task and its items: as they are in a process that is forked, pickled in one that is spawned."""


# Each process has a pipe of its own and shares no lock. That is why this is neither the standard
# library's ProcessPoolExecutor, where one killed process breaks all, nor pebble.ProcessPool, whose
# processes share a locked channel, break the pool when they die as they begin, are stopped one
# after the other, and cannot have a GPU of their own.


class LocalProcesses:
    """Runs items in a few processes, each of them one item after the other.

    A process that is killed takes its item with it and no other: a new one takes its place. When
    the caller stops iterating, the processes get SIGTERM, and are killed if they stay. Ctrl-C
    reaches the caller alone. When the caller is killed, they get SIGTERM as well.

    Args:
        workers: How many processes there are at most.
        start: How they begin. `fork` copies this process, so that nothing has to be pickled, but
            one that uses a GPU cannot be copied. `spawn` begins afresh: task and items have to be
            pickled, and the script that the caller runs is not run again unless they are from it.
        gpus: GPUs that the processes take turns to have, as `CUDA_VISIBLE_DEVICES` names them.

    Example:
        >>> double = LocalProcesses(2, start="fork").run(lambda item, progress: 2 * item, [3, 4])
        >>> sorted((number, outcome.result()) for number, outcome in double)
        [(0, 6), (1, 8)]
    """

    def __init__(
        self,
        workers: int,
        *,
        start: StartMethod = "spawn",
        gpus: Sequence[str] = (),
    ) -> None:
        self.workers = workers
        self.start = start
        self.gpus = tuple(gpus)

    def run[Item, Result](
        self,
        task: Task[Item, Result],
        items: Sequence[Item],
        progress: ProgressOf = silent_for_each,
    ) -> Generator[tuple[int, Future[Result]]]:
        """Runs a task for each item (see :class:`~pyro_seatbelt.executors.Executor`)."""
        work = (task, items) if self.start == "fork" else pack(task, items)
        waiting = deque(range(len(items)))
        workers: list[_Worker] = []
        try:
            for number in range(min(self.workers, len(items))):
                gpu = self.gpus[number % len(self.gpus)] if self.gpus else None
                workers.append(_Worker(self.start, work, gpu))
            while True:
                for worker in workers:
                    if worker.item is None and waiting:
                        worker.give(waiting.popleft(), progress)
                busy = [worker for worker in workers if worker.item is not None]
                if not busy:
                    return
                wait([each for worker in busy for each in worker.waitables])
                for worker in busy:
                    yield from worker.outcomes(progress)
        finally:
            _stop(workers)


class _Worker:
    """A process, and the item that it has."""

    def __init__(self, start: StartMethod, work: _Work | bytes, gpu: str | None) -> None:
        self._start = start
        self._arguments = (work, gpu)
        self.item: int | None = None
        self._begin()

    def _begin(self) -> None:
        context = get_context("fork") if self._start == "fork" else get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, *self._arguments))
        with warnings.catch_warnings(), _script_for(self._arguments[0]):
            # it touches none of the locks that other threads may hold
            warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
            self.process.start()
        theirs.close()

    @property
    def waitables(self) -> tuple[Connection, int]:
        """What is ready when the process has sent a message, or is gone."""
        return self.connection, self.process.sentinel

    def give(self, item: int, progress: ProgressOf) -> None:
        """Gives it an item; to a new process, if the old one is gone."""
        if not self.process.is_alive():
            self.connection.close()
            self._begin()
        self.item = item
        begin(progress(item))
        with suppress(OSError):  # it is gone, and its sentinel says so
            self.connection.send(item)

    def outcomes(self, progress: ProgressOf) -> Iterator[tuple[int, Future[Any]]]:
        """Passes on its progress, and the outcome of its item if it has ended."""
        assert self.item is not None
        number = self.item
        gone = not self.process.is_alive()  # asked first: messages sent before can still be read
        messages, closed = self._read()
        for message in messages:
            if message[0] == "outcome":
                self.item = None
                yield number, read_outcome(*message[1:])
            else:
                progress(number)(*message[1:])
        if self.item is not None and (gone or closed):
            self.item = None
            outcome = Future[Any]()
            outcome.set_exception(self._death())
            yield number, outcome

    def _read(self) -> tuple[list[tuple[Any, ...]], bool]:
        """The messages that have come, and whether the connection is closed."""
        messages: list[tuple[Any, ...]] = []
        try:
            while self.connection.poll():
                messages.append(pickle.loads(self.connection.recv_bytes()))  # noqa: S301 - our own
        except (EOFError, OSError):
            return messages, True
        return messages, False

    def _death(self) -> WorkerDied:
        self.process.join(5)
        if self.process.is_alive():  # it closed its connection and stayed
            self.process.kill()
            self.process.join()
        code = self.process.exitcode
        if code is None or code >= 0:
            return WorkerDied(f"its process ended with status {code}")
        name = signal.Signals(-code).name
        hint = ": was there enough memory?" if name == "SIGKILL" else ""
        return WorkerDied(f"its process was killed by {name}{hint}")


def _stop(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
    deadline = time.monotonic() + _PATIENCE
    try:
        for worker in workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
    finally:  # also when the wait is interrupted
        for worker in workers:
            worker.process.kill()
            worker.process.join()
            worker.connection.close()


@contextmanager
def _script_for(work: _Work | bytes) -> Iterator[None]:
    """While open, a spawned process does not import the script that the caller runs.

    It would run it again, where nothing guards what it does, and needs it only where task or items
    are from it.
    """
    script = sys.modules["__main__"]
    if isinstance(work, bytes) and b"__main__" not in work:
        sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def _serve(connection: Connection, work: _Work | bytes, gpu: str | None) -> None:
    """Runs items in a worker process, until the connection is closed."""
    if sys.platform != "win32":
        os.setpgrp()  # Ctrl-C reaches the caller, which stops its workers
    keep_freed_memory()
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before the task is read, which may ask for one
    task, items = pickle.loads(work) if isinstance(work, bytes) else work  # noqa: S301 - our own

    def send(kind: str, *message: object) -> None:
        with suppress(OSError):  # the caller is gone; the item is finished all the same
            connection.send_bytes(pickle.dumps((kind, *message)))

    # a second signal finds it on its way out, so nothing is cut off twice
    with suppress(EOFError, OSError, KeyboardInterrupt), stopping() as stop:
        while not stop.requested:
            item = items[connection.recv()]
            send("outcome", *outcome_of(task, item, now_and_then(partial(send, "progress"))))


def _leave_with_parent() -> None:
    """Ends a process whose parent was killed, as a signal does: training saves where it is."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_PATIENCE)
        os._exit(1)
