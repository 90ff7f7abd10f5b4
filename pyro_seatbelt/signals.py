"""The signals that ask a process to stop, and what it does then.

Ctrl-C (INT), TERM (`kill`, scancel, docker stop, systemd), HUP (a closed terminal), USR1 and USR2
(Slurm's `--signal`) and XCPU (a limit of processor time) mean the same: save and stop.
"""

import signal
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
"""The signals by name; Windows has not all of them."""

_open: list["_Hearing"] = []


class _Hearing(ABC):
    """While open, in the main thread, hears the signals; the one opened last acts.

    Signals come twice: systemd sends TERM to every process, and so does a sweep to its own. So
    only a second Ctrl-C is impatience.

    Where a signal comes while Python deletes an object, in a callback of a weak reference say, what
    is raised is dropped: it is raised again a moment later.

    Attributes:
        requested: Whether somebody asked to stop.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, signal._HANDLER] = {}
        self._dropped: Callable[[sys.UnraisableHookArgs], object] | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            _open.append(self)
            self._previous = {each: signal.signal(each, self._hear) for each in _signals()}
            self._dropped, sys.unraisablehook = sys.unraisablehook, self._drop
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self in _open:
            _open.remove(self)
        for each, handler in self._previous.items():
            signal.signal(each, handler)
        self._previous = {}
        if self._dropped:
            sys.unraisablehook = self._dropped
            self._dropped = None

    def _drop(self, dropped: "sys.UnraisableHookArgs") -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            threading.Timer(0.01, _interrupt).start()
        elif self._dropped:
            self._dropped(dropped)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del frame
        first = not self.requested
        for each in _open:
            each.requested = True
        if first:
            self._act()
        elif number == signal.SIGINT:
            raise KeyboardInterrupt

    @abstractmethod
    def _act(self) -> None:
        """What the first signal does."""


class Interruption(_Hearing):
    """While open, a signal to stop only sets :attr:`requested`; a second Ctrl-C acts at once.

    Outside the main thread, where Python handles no signals, it never becomes true.

    Example:
        >>> with Interruption() as interruption:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     interruption.requested
        True
    """

    def _act(self) -> None:
        pass


class _Stopping(_Hearing):
    def _act(self) -> None:
        raise KeyboardInterrupt


@contextmanager
def stopping() -> Iterator[_Hearing]:
    """While open, every signal to stop does what Ctrl-C does.

    It raises :class:`KeyboardInterrupt`, so that what is half done is cleared away and what was
    started is stopped.

    Yields:
        What says whether somebody :attr:`requested` to stop: whoever catches the exception, or
        saves first, may have hidden it.

    Example:
        >>> try:
        ...     with stopping():
        ...         signal.raise_signal(signal.SIGTERM)
        ... except KeyboardInterrupt:
        ...     print("stopped")
        stopped
    """
    with _Stopping() as stop:
        yield stop


def _interrupt() -> None:
    """Sends a second Ctrl-C, if somebody still hears it."""
    main = threading.main_thread().ident
    if _open and main is not None:
        signal.pthread_kill(main, signal.SIGINT)


def _signals() -> list[signal.Signals]:
    """The signals to hear; under nohup a closed terminal is none of them."""
    there = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    return [
        each
        for each in there
        if each == signal.SIGINT or signal.getsignal(each) is not signal.SIG_IGN
    ]
