"""Where a job is, told as one number."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from pyro_seatbelt.attacks import Advance, Mode
from pyro_seatbelt.training.metrics import Metrics
from pyro_seatbelt.training.progress import Unwatched


class Stage(NamedTuple):
    """Where a job is.

    Attributes:
        name: What it is doing.
        fraction: How much of the job is done; its stages count alike.
    """

    name: str
    fraction: float


StageWatch = Callable[[Stage], None]
"""Is told where a job is."""

Tell = Callable[[int, int], None]
"""Is told how much of a stage is done, of how much."""


class Stages:
    """The stages of a job, one after the other.

    Args:
        watch: Is told where the job is.
        total: How many stages it has.

    Example:
        >>> stages = Stages(print, 2)
        >>> stages.next("training")(5, 10)
        Stage(name='training', fraction=0.0)
        Stage(name='training', fraction=0.25)
    """

    def __init__(self, watch: StageWatch | None, total: int) -> None:
        self._watch = watch
        self._total = total
        self._begun = 0

    def next(self, name: str) -> Tell:
        """Begins a stage; what it returns is told how far that is."""
        before = self._begun
        self._begun += 1

        def tell(done: int, total: int) -> None:
            if self._watch is not None:
                self._watch(Stage(name, (before + done / max(1, total)) / self._total))

        tell(0, 1)
        return tell


class Throttled:
    """Passes on each new stage, and where it is now and then.

    Args:
        send: What it is passed to; an error of the operating system means that nobody listens.
        seconds: Least time between two messages about a stage.
    """

    def __init__(self, send: StageWatch, *, seconds: float = 0.5) -> None:
        self._send = send
        self._seconds = seconds
        self._name, self._last = "", 0.0

    def __call__(self, stage: Stage) -> None:
        """Passes on a stage, or not."""
        now = time.monotonic()
        if stage.name != self._name or now - self._last >= self._seconds:
            self._name, self._last = stage.name, now
            with suppress(OSError):
                self._send(stage)


class Steps(Unwatched):
    """Tells how far training is.

    Args:
        tell: Is told.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._total = 1

    def start(self, step: int, total: int) -> None:
        """Tells at which step training starts."""
        self._total = total
        self._tell(step, total)

    def advance(self, step: int, metrics: Metrics | None) -> None:
        """Tells that a step is done."""
        del metrics
        self._tell(step, self._total)


def problems(tell: Tell, modes: Sequence[Mode]) -> Callable[[Mode, Advance], None]:
    """Tells how far an attack is.

    Args:
        tell: Is told.
        modes: Its modes, in order.

    Returns:
        What the attack is watched by.
    """

    def watch(mode: Mode, advance: Advance) -> None:
        before = list(modes).index(mode) * advance.total
        tell(before + advance.finished, len(modes) * advance.total)

    return watch
