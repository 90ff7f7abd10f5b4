"""Fixed groups of problems, each run with the same threads wherever it runs."""

import pickle
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyro
import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import Executor, Inline, LocalProcesses, StartMethod, Task
from pyro_seatbelt.progress import NO_NUMBERS, Progress, silent


def processes_for_groups(
    processes: int, *, device: str = "cpu", start: StartMethod | None = None
) -> Executor:
    """Returns what runs the groups of an attack on this machine.

    Args:
        processes: How many processes share the groups; with 1 they run in this one, in order.
        device: Kind of device that the images are on.
        start: How processes start. By default they are forked on Linux without a GPU, so that any
            model can be attacked, and spawned elsewhere, which needs a pair that pickles.

    Raises:
        InputError: When there are no processes, or several and the images are not on the CPU.
    """
    if processes < 1:
        raise InputError(f"expected processes >= 1, got {processes}")
    if processes == 1:
        return Inline()
    if device != "cpu":
        raise InputError(f"several processes share a CPU, and the images are on {device}")
    forkable = sys.platform == "linux" and not torch.cuda.is_available()
    return LocalProcesses(processes, start=start or ("fork" if forkable else "spawn"))


def run_groups[Result](
    task: Task[int, Result],
    groups: Sequence[int],
    totals: Sequence[int],
    *,
    threads: int = 1,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> Iterator[tuple[int, Result]]:
    """Runs a task for every group, and yields the results as they come.

    A group's result does not depend on where it runs: each runs on `threads` threads.

    Args:
        task: Called with the number of a group and with what it tells how many problems are done,
            with the number `round`.
        groups: The groups to run.
        totals: The number of problems in each.
        threads: Threads that torch uses for one group.
        executor: Where they run; in this process by default.
        progress: Is told the stage `problems` and the number `round`, of all groups together.

    Yields:
        The number of a group, and its result.

    Raises:
        InputError: When the task has to be pickled and cannot be.
    """
    if executor is None or len(groups) < 2:  # one is not worth a process
        executor = Inline()
    done, rounds = dict.fromkeys(groups, 0.0), dict.fromkeys(groups, 0)

    def update(group: int, problems: float, round_: int) -> None:
        done[group], rounds[group] = problems, round_
        together = {"round": sum(rounds.values())}
        progress("problems", sum(done.values()), sum(totals), together)

    def progress_of(number: int) -> Progress:
        return _of_group(groups[number], update)

    try:
        with closing(executor.run(_Group(task, threads), groups, progress_of)) as outcomes:
            for number, outcome in outcomes:
                result, group = outcome.result(), groups[number]
                if done[group] < totals[number]:  # the last message may be lost
                    update(group, totals[number], rounds[group])
                yield group, result
    except pickle.PicklingError as error:
        raise InputError(
            f"several processes need a model and a guide that pickle ({error}): define their "
            "classes at the top of a module, or use processes=1"
        ) from error


def _of_group(group: int, update: Callable[[int, float, int], None]) -> Progress:
    """The progress of one group."""

    def progress(
        stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
    ) -> None:
        del total
        if stage == "problems":
            update(group, done, int(numbers["round"]))

    return progress


@dataclass
class _Group[Result]:
    """A task on so many threads, which takes Pyro's settings and parameters where it is sent."""

    task: Task[int, Result]
    threads: int

    def __call__(self, group: int, progress: Progress) -> Result:
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            return self.task(group, progress)
        finally:
            torch.set_num_threads(before)

    def __getstate__(self) -> tuple[Any, ...]:
        store = pyro.get_param_store().get_state()
        return self.task, self.threads, pyro.settings.get(), store

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.task, self.threads, settings, store = state
        pyro.settings.set(**settings)
        pyro.get_param_store().set_state(store)
