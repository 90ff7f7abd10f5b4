"""Items one after the other, in this process."""

from collections.abc import Generator, Sequence
from concurrent.futures import Future

from pyro_seatbelt.executors.executor import ProgressOf, Task, begin, silent_for_each


class Inline:
    """Runs items one after the other in this process, as the results are asked for.

    Example:
        >>> outcomes = Inline().run(lambda item, progress: 1 / item, [2, 0])
        >>> for number, outcome in outcomes:
        ...     print(number, outcome.exception() or outcome.result())
        0 0.5
        1 division by zero
    """

    def run[Item, Result](
        self,
        task: Task[Item, Result],
        items: Sequence[Item],
        progress: ProgressOf = silent_for_each,
    ) -> Generator[tuple[int, Future[Result]]]:
        """Runs a task for each item, in order (see :class:`~pyro_seatbelt.executors.Executor`)."""
        for number, item in enumerate(items):
            own, outcome = progress(number), Future[Result]()
            begin(own)
            try:
                outcome.set_result(task(item, own))
            except Exception as error:  # noqa: BLE001 - it is this item's alone
                outcome.set_exception(error)
            yield number, outcome
