"""How far the making of images, a download, an attack, an evaluation or a sweep is."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn, TaskID

    from pyro_seatbelt.attacks import Advance
    from pyro_seatbelt.sweeps.sweep import SweepProgress


class _Bars:
    """Bars on a terminal, a line now and then elsewhere; nothing until there is something to show.

    Args:
        console: Usually standard error.
        columns: Of each bar.
        seconds: Least time between two lines.
        expand: Whether bars are as wide as the terminal.
    """

    def __init__(
        self,
        console: "Console",
        *columns: "str | ProgressColumn",
        seconds: float,
        expand: bool = False,
    ) -> None:
        from rich.progress import Progress

        self._console = console
        self._seconds = seconds
        self._last = -seconds
        self._tasks: dict[str, TaskID] = {}
        self._bar = Progress(*columns, console=console, expand=expand)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def _show(self, name: str, done: float, total: float, line: str, **fields: Any) -> None:
        """Moves the bar of that name, or prints a line if the last one is old enough."""
        if not self._console.is_terminal:
            self._print(line)
            return
        self._bar.start()  # also again, after a stop
        if name not in self._tasks:
            # what was done before says nothing of how long the rest takes
            before = int(done)
            self._tasks[name] = self._bar.add_task(name, total=total, completed=before, **fields)
        self._bar.update(self._tasks[name], completed=done, total=total, **fields)

    def _print(self, line: str, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._last >= self._seconds:
            self._last = now
            self._console.print(line, markup=False, highlight=False)

    def _stop(self) -> None:
        if self._bar.live.is_started:  # stopping prints a line otherwise
            self._bar.stop()


class CountBar(_Bars):
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
            TimeRemainingColumn,
        )

        count = DownloadColumn() if what == "bytes" else MofNCompleteColumn()
        columns = (what, BarColumn(), count, TimeRemainingColumn())
        super().__init__(console, *columns, seconds=seconds)
        self._what = what

    def __call__(self, done: int, total: int) -> None:
        """Shows that some images out of all are there."""
        if done < total or self._tasks or not self._console.is_terminal:
            self._show(self._what, done, total, f"{self._what} {done}/{total}")
        if done >= total:  # the terminal has room for one bar, and training has its own
            self._stop()


class StageBar(_Bars):
    """A bar for each stage of some work on a terminal, a line now and then elsewhere.

    Args:
        console: Usually standard error.
        seconds: Least time between two lines.
    """

    def __init__(self, console: "Console", *, seconds: float = 10.0) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        super().__init__(console, *columns, TimeRemainingColumn(), seconds=seconds)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Shows how much of a stage is done."""
        self._show(stage, done, total, f"{stage} {done}/{total}")


class ProblemBar(_Bars):
    """A bar for each attack on a terminal, a line now and then elsewhere.

    Args:
        console: Usually standard error.
        seconds: Least time between two lines.
    """

    def __init__(self, console: "Console", *, seconds: float = 10.0) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("problems, round {task.fields[rounds]}"),
            TimeRemainingColumn(),
            seconds=seconds,
            expand=True,
        )

    def __call__(self, name: str, advance: "Advance") -> None:
        """Shows how far an attack is."""
        done, total, rounds = advance.finished, advance.total, advance.rounds
        line = f"{name} {done}/{total} problems, round {rounds}"
        self._show(name, done, total, line, rounds=rounds)


class SweepBar(_Bars):
    """A bar for a sweep on a terminal; elsewhere a line for each run that ends, and now and then.

    Args:
        console: Usually standard error.
        seconds: Longest time between two lines.
    """

    def __init__(self, console: "Console", *, seconds: float = 60.0) -> None:
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.fields[text]}"), BarColumn(bar_width=None))
        super().__init__(console, *columns, TimeRemainingColumn(), seconds=seconds, expand=True)
        self._ended = -1

    def __call__(self, progress: "SweepProgress") -> None:
        """Shows how far a sweep is."""
        text = f"{progress.finished}/{progress.total} runs"
        text += f", {progress.failed} failed" if progress.failed else ""
        text += f", {len(progress.running)} running" if progress.running else ""
        ended = progress.finished + progress.failed
        if ended != self._ended and not self._console.is_terminal:
            self._print(text, at_once=True)
        else:
            self._show("sweep", progress.done, progress.total, text, text=text)
        self._ended = ended
