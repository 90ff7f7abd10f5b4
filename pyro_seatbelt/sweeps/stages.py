"""Where a job is, told as one number."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from pyro_seatbelt.progress import NO_NUMBERS, Progress


class Stage(NamedTuple):
    """Where a job is.

    Attributes:
        name: What it is doing.
        fraction: How much of the job is done; its stages count alike.
    """

    name: str
    fraction: float


class Stages:
    """The stages of a job, one after the other.

    Args:
        progress: Is told which stage the job is at, and how much of the job is done, of 1.
        total: How many stages it has.

    Example:
        >>> stages = Stages(print, 2)
        >>> stages.next("training")("training", 5, 10)
        training 0.0 1
        training 0.25 1
        >>> stages.next("attack", "latent", "output")("output", 3, 51)
        attack 0.5 1
        attack 0.7647058823529411 1
    """

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._begun = 0

    def next(self, name: str, *parts: str) -> Progress:
        """Begins a stage.

        Args:
            name: Its name.
            parts: What it reports, one after the other; its own name by default. Other reports
                (images that have to be made first) are not counted.

        Returns:
            What is to be told how far the stage is.
        """
        before = self._begun
        self._begun += 1
        parts = parts or (name,)

        def progress(
            stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
        ) -> None:
            del numbers
            if stage in parts:
                share = (parts.index(stage) + done / max(1, total)) / len(parts)
                self._progress(name, (before + share) / self._total, 1)

        progress(parts[0], 0, 1)
        return progress


class Throttled:
    """Passes on each new stage, and where it is now and then.

    Args:
        send: What it is passed to; an error of the operating system means that nobody listens.
        seconds: Least time between two messages about a stage.
    """

    def __init__(self, send: Callable[[Stage], None], *, seconds: float = 0.5) -> None:
        self._send = send
        self._seconds = seconds
        self._name, self._last = "", 0.0

    def __call__(
        self, stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
    ) -> None:
        """Passes on a stage, or not."""
        del numbers
        now = time.monotonic()
        if stage != self._name or now - self._last >= self._seconds:
            self._name, self._last = stage, now
            with suppress(OSError):
                self._send(Stage(stage, done / total))
