"""How far the making of images, training, an attack, an evaluation or a sweep is."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pyro_seatbelt.cli.output import printable
from pyro_seatbelt.progress import NO_NUMBERS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

_SECONDS = {"runs": 60.0}
"""Least time between two lines about a stage; 10 for the others."""

_MADE_FIRST = ("images", "bytes")
"""Stages whose bar makes room for the next one when they are over."""


class ProgressBar:
    """A bar per stage on a terminal, a line now and then elsewhere; nothing until it is told.

    It is a :class:`~pyro_seatbelt.progress.Progress`, to be used in a `with` statement.

    Args:
        console: Usually standard error; a terminal of 80 columns has room for everything.
    """

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = console
        self._printed: dict[str, float] = {}
        self._ended = 0
        self._tasks: dict[str, TaskID] = {}
        self._bar = Progress(
            TextColumn("{task.fields[label]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            expand=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def __call__(
        self, stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
    ) -> None:
        """Moves the bar of a stage, or prints a line if the last one is old enough."""
        if stage in _MADE_FIRST and done >= total and stage not in {*self._tasks, *self._printed}:
            return  # all of it was there already
        if self._console.is_terminal:
            self._show(stage, done, total, numbers)
        else:
            self._print(stage, done, total, numbers)

    def _show(self, stage: str, done: float, total: float, numbers: Mapping[str, Any]) -> None:
        self._bar.start()  # also again, after a stop
        label, text = _words(stage, done, total, numbers)
        if stage not in self._tasks:
            # what was done before says nothing of how long the rest takes
            self._tasks[stage] = self._bar.add_task(
                stage, total=total, completed=int(done), label=label, text=text
            )
        task = self._tasks[stage]
        self._bar.update(task, completed=done, total=total, label=label)
        if text:  # the numbers of a training step stay until there are new ones
            self._bar.update(task, text=text)
        if stage in _MADE_FIRST and done >= total:
            self._bar.remove_task(self._tasks.pop(stage))
            self._stop()

    def _print(self, stage: str, done: float, total: float, numbers: Mapping[str, Any]) -> None:
        if stage == "training" and not numbers:
            return
        now = time.monotonic()
        ended = numbers.get("finished", 0) + numbers.get("failed", 0)
        at_once = ended != self._ended or (stage == "training" and done >= total)
        self._ended = ended
        last = self._printed.get("", -float("inf"))
        if not at_once and now - last < _SECONDS.get(stage, 10.0):
            return
        self._printed |= {stage: now, "": now}
        label, text = _words(stage, done, total, numbers)
        line = f"step {label}  {text}" if stage == "training" else f"{label} {text}".rstrip()
        self._console.print(printable(line), markup=False, highlight=False)

    def _stop(self) -> None:
        if self._bar.live.is_started:  # stopping prints a line otherwise
            self._bar.stop()


def _words(stage: str, done: float, total: float, numbers: Mapping[str, Any]) -> tuple[str, str]:
    """What stands before a bar, and what behind it."""
    count = f"{done:.0f}/{total:.0f}"
    if stage == "training":
        return count, summary(numbers)
    if stage == "runs":
        words = f"{numbers['finished']}/{total:.0f} runs"
        words += f", {numbers['failed']} failed" if numbers["failed"] else ""
        return words + (f", {numbers['running']} running" if numbers["running"] else ""), ""
    if stage == "bytes":
        return stage, f"{done / 1e6:,.1f}/{total / 1e6:,.1f} MB"
    rounds = f" problems, round {numbers['round']}" if "round" in numbers else ""
    return stage, count + rounds


def summary(metrics: Mapping[str, Any]) -> str:
    """Puts the most telling numbers of a training step into a few words.

    Args:
        metrics: The numbers.

    Returns:
        The ELBO and the total correlation in nats per image, or the loss where these are not
        known, and images per second.

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
