"""What is sent from one process to another, and when."""

import pickle
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from pyro_seatbelt.executors.executor import Task
from pyro_seatbelt.progress import NO_NUMBERS, Progress

_SECONDS = 0.5
"""Least time between two messages about a stage."""


def pack(task: Task[Any, Any], items: Sequence[Any]) -> bytes:
    """Makes bytes of a task and its items.

    Raises:
        pickle.PicklingError: If they cannot be pickled.

    """
    try:
        return pickle.dumps((task, list(items)))
    except (AttributeError, TypeError) as error:  # pickle raises these as well
        raise pickle.PicklingError(str(error)) from error


def outcome_of[Item, Result](
    task: Task[Item, Result], item: Item, progress: Progress
) -> tuple[bool, bytes]:
    """Runs a task for an item.

    Args:
        task: The task.
        item: The item.
        progress: Is told how far it is.

    Returns:
        Whether it went well, and the pickled result or error. As bytes, so that no tensor travels
        through a file descriptor of its own.
    """
    try:
        return True, pickle.dumps(task(item, progress))
    except Exception as error:  # noqa: BLE001 - it is the caller's
        error.add_note("".join(traceback.format_exception(error)))
        try:
            return False, pickle.dumps(error)
        except Exception:  # noqa: BLE001 - anything may happen in somebody's __reduce__
            return False, pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))


def read_outcome(went_well: bool, content: bytes) -> Future[Any]:
    """Reads what :func:`outcome_of` made in another process of ours.

    Example:
        >>> read_outcome(*outcome_of(lambda item, progress: 2 * item, 4, print)).result()
        8
    """
    outcome = Future[Any]()
    try:
        value = pickle.loads(content)  # noqa: S301 - from a process of ours
    except Exception as error:  # noqa: BLE001 - it could be made, and not be read
        went_well, value = False, error
    if went_well:
        outcome.set_result(value)
    else:
        outcome.set_exception(value)
    return outcome


def now_and_then(
    send: Callable[[str, float, float, Mapping[str, Any]], object], *, seconds: float = _SECONDS
) -> Progress:
    """Passes on every new stage, the end of a stage, and what lies between now and then.

    Args:
        send: What it is passed to.
        seconds: Least time between two messages about a stage.

    Example:
        >>> progress = now_and_then(lambda *message: print(*message[:3]), seconds=60)
        >>> for step in range(4):
        ...     progress("training", step, 3)
        training 0 3
        training 3 3
    """
    latest, when = "", 0.0

    def progress(
        stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
    ) -> None:
        nonlocal latest, when
        now = time.monotonic()
        if stage != latest or done >= total or now - when >= seconds:
            latest, when = stage, now
            send(stage, done, total, dict(numbers))

    return progress
