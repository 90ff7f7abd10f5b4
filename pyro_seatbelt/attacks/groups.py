"""Fixed groups of problems, run in this process or in several."""

import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any, Literal

import pyro
import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import NO_NUMBERS, Progress, silent

StartMethod = Literal["fork", "spawn", "forkserver"]
type Task[Result] = Callable[[int, Progress], Result]

Spread = Callable[[Task[Any], Sequence[int], int], Iterator[tuple[int, Any]]]
"""Runs a task for some groups somewhere else, with so many threads each, as results come."""

_POLL = 0.2
_worker: list[Any] = []


def run_groups[Result](
    task: Task[Result],
    groups: Sequence[int],
    totals: Sequence[int],
    *,
    processes: int = 1,
    threads: int = 1,
    start_method: StartMethod | None = None,
    spread: Spread | None = None,
    progress: Progress = silent,
) -> Iterator[tuple[int, Result]]:
    """Runs a task for every group, and yields the results as they come.

    A group's result does not depend on the number of processes: each runs on `threads` threads
    wherever it runs.

    Args:
        task: Called with the number of a group and a progress callback.
        groups: The groups to run.
        totals: The number of problems in each.
        processes: Number of processes; with 1 the groups run in this one, in order.
        threads: Threads that torch uses for one group.
        start_method: How processes start. By default they are forked on Linux without a GPU, so
            that any model can be used, and spawned elsewhere, which needs a task that pickles.
        spread: Runs the groups instead of processes of this machine, if there are several; the
            task has to pickle.
        progress: Called as problems finish, with the counts of all groups.

    Yields:
        The number of a group, and its result.

    Raises:
        InputError: When the task has to be pickled and cannot be.
    """
    finished, rounds = dict.fromkeys(groups, 0.0), dict.fromkeys(groups, 0)

    def report(group: int, done: float, round_: int) -> None:
        finished[group], rounds[group] = done, round_
        total = {"round": sum(rounds.values())}
        progress("problems", sum(finished.values()), sum(totals), total)

    if spread is not None and len(groups) > 1:
        _check_pickles(task)
        for group, result in spread(task, groups, threads):
            report(group, totals[groups.index(group)], 0)
            yield group, result
        return

    if processes == 1 or len(groups) < 2:
        for group in groups:
            with _threads(threads):
                result = task(group, _counted(group, report))
            yield group, result
        return

    yield from _in_processes(
        task, groups, processes, threads, start_method or _default_start_method(), report
    )


def _in_processes[Result](
    task: Task[Result],
    groups: Sequence[int],
    processes: int,
    threads: int,
    method: StartMethod,
    report: Callable[[int, float, int], None],
) -> Iterator[tuple[int, Result]]:
    if method != "fork":
        _check_pickles(task)
    context = get_context(method)
    queue, stop = context.SimpleQueue(), context.Event()
    state = (pyro.settings.get(), pyro.get_param_store().get_state())
    pool = ProcessPoolExecutor(
        min(processes, len(groups)), context, _begin_worker, (task, queue, stop, threads, state)
    )
    try:
        with warnings.catch_warnings():
            # a worker touches none of the locks that this process's other threads may hold
            warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
            pending = {pool.submit(_run, group): group for group in groups}
        while pending:
            done, _ = wait(pending, timeout=_POLL, return_when=FIRST_COMPLETED)
            while not queue.empty():
                report(*queue.get())
            for future in done:
                yield pending.pop(future), _result(future)
    finally:
        stop.set()  # nobody waits for groups that are not finished
        pool.shutdown(wait=True, cancel_futures=True)


def _default_start_method() -> StartMethod:
    forkable = sys.platform == "linux" and not torch.cuda.is_available()
    return "fork" if forkable else "spawn"


def _check_pickles(task: object) -> None:
    try:
        pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"several processes need a model and a guide that pickle ({error}): define their "
            "classes at the top of a module, or use processes=1"
        ) from error


@contextmanager
def _threads(num: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(num)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _begin_worker(
    task: Task[Any], queue: Any, stop: Any, threads: int, state: tuple[Any, Any]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and says stop
    threading.Thread(target=leave_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    settings, params = state
    pyro.settings.set(**settings)
    pyro.get_param_store().set_state(params)
    _worker[:] = [task, queue, stop]


def leave_with_parent() -> None:
    """Ends a worker whose parent was killed: it would wait for ever.

    To be run in a thread of its own.
    """
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _counted(group: int, report: Callable[[int, float, int], None]) -> Progress:
    """The progress of one group."""

    def progress(
        stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
    ) -> None:
        del stage, total
        report(group, done, int(numbers["round"]))

    return progress


def _run(group: int) -> bytes:
    task, queue, stop = _worker

    def report(group: int, done: float, round_: int) -> None:
        if stop.is_set():
            raise CancelledError
        queue.put((group, done, round_))

    result = task(group, _counted(group, report))
    # as bytes, so that no tensor travels through a file descriptor of its own
    return pickle.dumps(result)


def _result(future: Future[bytes]) -> Any:
    return pickle.loads(future.result())  # noqa: S301 - from our own worker
