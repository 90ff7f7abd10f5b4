"""How work says how far it is: one protocol, from a download to a sweep."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

NO_NUMBERS: Mapping[str, Any] = MappingProxyType({})


class Progress(Protocol):
    """Is told how far some work is, as often as the work likes.

    Work that has several stages one after the other names each of them. Whoever shows progress
    decides what is worth showing, and how often.
    """

    def __call__(
        self, stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS, /
    ) -> None:
        """Takes note.

        Args:
            stage: What is being done: `images`, `training`, the mode of an attack.
            done: How much of it is done.
            total: How much there is to do.
            numbers: What else is known by now, by name: the metrics of a training step, say.
        """


def silent(stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS) -> None:
    """Takes no note: the progress of work that nobody watches."""


def under(progress: Progress, stage: str) -> Progress:
    """Reports every stage of some work under one name.

    Args:
        progress: Is told.
        stage: The name.

    Example:
        >>> under(print, "latent")("problems", 3, 51, {"round": 7})
        latent 3 51 {'round': 7}
    """

    def renamed(
        inner: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
    ) -> None:
        del inner
        progress(stage, done, total, numbers)

    return renamed


def shifted(progress: Progress, by: float) -> Progress:
    """Reports some work together with what was done before it.

    Args:
        progress: Is told.
        by: How much was done before.

    Example:
        >>> shifted(print, 10)("problems", 3, 41, {"round": 7})
        problems 13 51 {'round': 7}
    """

    def more(
        stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
    ) -> None:
        progress(stage, done + by, total + by, numbers)

    return more
