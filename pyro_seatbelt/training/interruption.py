"""Stopping at the end of a step instead of in the middle of it."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interruption:
    """While open, Ctrl-C, a polite kill and a closed terminal only set :attr:`requested`.

    A second one acts at once. Outside the main thread, where Python handles no
    signals, it never becomes true.

    Attributes:
        requested: Whether somebody asked to stop.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {each: signal.signal(each, self._handle) for each in _signals()}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._restore()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        for each, handler in self._previous.items():
            signal.signal(each, handler)
        self._previous = {}


def _signals() -> list[signal.Signals]:
    """The signals to hear; under nohup a closed terminal is none of them."""
    signals = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        signals.append(hangup)
    return signals
