"""What runs a task for many items, wherever that is."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from typing import Protocol

from pyro_seatbelt.progress import Progress, silent

type Task[Item, Result] = Callable[[Item, Progress], Result]
"""What is run for each item; it may say how far it is."""

type ProgressOf = Callable[[int], Progress]
"""Gives each item, by its number, the progress that is told of it."""


class WorkerDied(RuntimeError):  # noqa: N818 - it says what happened
    """The process that ran an item is gone, and its result with it."""


def silent_for_each(number: int) -> Progress:
    """The progress of each item when nobody watches."""
    del number
    return silent


class Executor(Protocol):
    """Runs a task for each of some items.

    An item that fails takes no other with it: neither by an error nor by the death of its process.
    Whoever stops listening (closes the generator) stops what is not finished.
    """

    def run[Item, Result](
        self,
        task: Task[Item, Result],
        items: Sequence[Item],
        progress: ProgressOf = silent_for_each,
    ) -> Generator[tuple[int, Future[Result]]]:
        """Runs a task for each item.

        Args:
            task: Is called with an item and with what it may tell how far it is. It runs in
                another process, perhaps: what it changes is seen there alone.
            items: The items.
            progress: Gives the progress of an item by its number, which is told `begun`, 0 of 1,
                when the item's turn has come, and then what the task says: every new stage, and
                within a stage something now and then.

        Yields:
            The number of an item (its place in `items`), and what came of it: a finished future
            whose `result()` returns what the task did, or raises what it raised, or
            :class:`WorkerDied`. In no particular order.

        Raises:
            pickle.PicklingError: If task and items have to travel and cannot.
        """


def begin(progress: Progress) -> None:
    """Tells that the turn of an item has come."""
    progress("begun", 0, 1)
