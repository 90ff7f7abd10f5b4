"""How far training is, for somebody who watches."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pyro_seatbelt.training.metrics import Metrics


class Watcher(Protocol):
    """Is told how training gets on; entered before the first step and left after the last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def start(self, step: int, total: int) -> None:
        """Says at which step training starts and at which it will end."""

    def advance(self, step: int, metrics: Metrics | None) -> None:
        """Says that a step is done, with its numbers if they were taken."""


class Unwatched:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del kind, error, traceback

    def start(self, step: int, total: int) -> None:
        """Shows nothing."""

    def advance(self, step: int, metrics: Metrics | None) -> None:
        """Shows nothing."""


class ProgressBar(Unwatched):
    """A bar with the ELBO, the total correlation, images a second and the time left.

    Args:
        console: A terminal, at least 80 columns wide.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            expand=True,
        )
        self._task = self._progress.add_task("", total=None, numbers="", visible=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def start(self, step: int, total: int) -> None:
        """Shows the bar."""
        self._progress.reset(self._task, total=total, completed=step, visible=True)

    def advance(self, step: int, metrics: Metrics | None) -> None:
        """Moves the bar, and replaces the numbers if there are new ones."""
        self._progress.update(self._task, completed=step)
        if metrics is not None:
            self._progress.update(self._task, numbers=summary(metrics))


class ProgressLines(Unwatched):
    """A plain line now and then, for output that is kept in a file.

    Args:
        console: Where the lines go.
        seconds: Least time between two lines.
    """

    def __init__(self, console: Console, *, seconds: float = 10.0) -> None:
        self._console = console
        self._seconds = seconds
        self._last = -seconds
        self._total = 0

    def start(self, step: int, total: int) -> None:
        """Notes the number of steps."""
        del step
        self._total = total

    def advance(self, step: int, metrics: Metrics | None) -> None:
        """Prints a line if there are numbers and the last line is old enough."""
        now = time.monotonic()
        if metrics is None or (now - self._last < self._seconds and step != self._total):
            return
        self._last = now
        self._console.print(
            f"step {step}/{self._total}  {summary(metrics)}", markup=False, highlight=False
        )


def watcher(console: Console) -> Watcher:
    """Chooses how to show progress on a console.

    Args:
        console: Usually standard error.

    Returns:
        A bar on a terminal, plain lines elsewhere.
    """
    return ProgressBar(console) if console.is_terminal else ProgressLines(console)


def summary(metrics: Metrics) -> str:
    """Puts the most telling numbers into a few words.

    Args:
        metrics: Numbers of a training step.

    Returns:
        The ELBO and the total correlation in nats per image, or the loss where these are not
        known, and images a second.

    Example:
        >>> summary({"elbo": -812.34, "total_correlation": 2.27, "images_per_second": 1530.2})
        'ELBO -812.3  TC 2.27  1530 images/s'
    """
    formats = {
        "elbo": "ELBO {:.1f}",
        "total_correlation": "TC {:.2f}",
        "images_per_second": "{:.0f} images/s",
    }
    if "elbo" not in metrics:
        formats = {"loss": "loss {:.1f}", **formats}
    return "  ".join(
        template.format(metrics[name]) for name, template in formats.items() if name in metrics
    )
