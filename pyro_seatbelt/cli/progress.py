"""How far the making of images, a download, an attack, an evaluation or a sweep is."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from pyro_seatbelt.attacks import Advance
    from pyro_seatbelt.experiments.sweep import SweepProgress


class CountBar:
    """A bar on a terminal, a line now and then elsewhere; nothing until it is called.

    Args:
        console: Usually standard error.
        what: What is counted.
        seconds: Least time between two lines.
    """

    def __init__(
        self,
        console: "Console",
        *,
        what: Literal["images", "bytes"] = "images",
        seconds: float = 10.0,
    ) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TimeRemainingColumn,
        )

        self._console = console
        self._what = what
        self._seconds = seconds
        self._last = -seconds
        count = DownloadColumn() if what == "bytes" else MofNCompleteColumn()
        self._bar = Progress(what, BarColumn(), count, TimeRemainingColumn(), console=console)
        self._task = self._bar.add_task("")

    def __call__(self, done: int, total: int) -> None:
        """Shows that some images out of all are there."""
        if self._console.is_terminal:
            if done < total:
                self._bar.start()
            self._bar.update(self._task, completed=done, total=total)
            if done >= total:  # the terminal has room for one bar, and training has its own
                self._stop()
        elif (now := time.monotonic()) - self._last >= self._seconds:
            self._last = now
            self._console.print(f"{self._what} {done}/{total}", markup=False, highlight=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._bar.live.is_started:  # stopping prints a line otherwise
            self._bar.stop()


class ProblemBar:
    """A bar for each attack on a terminal, a line now and then elsewhere.

    Args:
        console: Usually standard error.
        seconds: Least time between two lines.
    """

    def __init__(self, console: "Console", *, seconds: float = 10.0) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._console = console
        self._seconds = seconds
        self._last = -seconds
        self._tasks: dict[str, TaskID] = {}
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("problems, round {task.fields[rounds]}"),
            TimeRemainingColumn(),
            console=console,
            expand=True,
        )

    def __call__(self, name: str, advance: "Advance") -> None:
        """Shows how far an attack is."""
        if self._console.is_terminal:
            if name not in self._tasks:
                self._bar.start()
                self._tasks[name] = self._bar.add_task(
                    name, total=advance.total, completed=advance.finished, rounds=advance.rounds
                )
            self._bar.update(self._tasks[name], completed=advance.finished, rounds=advance.rounds)
        elif (now := time.monotonic()) - self._last >= self._seconds:
            self._last = now
            self._console.print(
                f"{name} {advance.finished}/{advance.total} problems, round {advance.rounds}",
                markup=False,
                highlight=False,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._tasks:
            self._bar.stop()


class StageBar:
    """A bar for each stage of some work on a terminal, a line now and then elsewhere.

    Args:
        console: Usually standard error.
        seconds: Least time between two lines.
    """

    def __init__(self, console: "Console", *, seconds: float = 10.0) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._console = console
        self._seconds = seconds
        self._last = -seconds
        self._tasks: dict[str, TaskID] = {}
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        )

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Shows how much of a stage is done."""
        if self._console.is_terminal:
            if stage not in self._tasks:
                self._bar.start()
                self._tasks[stage] = self._bar.add_task(stage, total=total)
            self._bar.update(self._tasks[stage], completed=done)
        elif (now := time.monotonic()) - self._last >= self._seconds:
            self._last = now
            self._console.print(f"{stage} {done}/{total}", markup=False, highlight=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._tasks:
            self._bar.stop()


class SweepBar:
    """A bar for a sweep on a terminal; elsewhere a line for each run that ends, and now and then.

    Args:
        console: Usually standard error.
        seconds: Longest time between two lines.
    """

    def __init__(self, console: "Console", *, seconds: float = 60.0) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = console
        self._seconds = seconds
        self._last = -seconds
        self._ended = -1
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TimeRemainingColumn(),
            console=console,
            expand=True,
        )
        self._task: TaskID | None = None

    def __call__(self, progress: "SweepProgress") -> None:
        """Shows how far a sweep is."""
        text = f"{progress.finished}/{progress.total} runs"
        text += f", {progress.failed} failed" if progress.failed else ""
        text += f", {len(progress.running)} running" if progress.running else ""
        if self._console.is_terminal:
            if self._task is None:
                self._bar.start()
                # what was finished before says nothing of how long the others take
                before = int(progress.done)
                self._task = self._bar.add_task(text, total=progress.total, completed=before)
            self._bar.update(self._task, description=text, completed=progress.done)
            return
        ended, now = progress.finished + progress.failed, time.monotonic()
        if ended != self._ended or now - self._last >= self._seconds:
            self._ended, self._last = ended, now
            self._console.print(text, markup=False, highlight=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._bar.stop()
