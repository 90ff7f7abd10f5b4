"""What went wrong in the jobs of a sweep."""

import traceback
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

from pyro_seatbelt.documents import read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import WorkerDied
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.formats import NewerFormat, from_json, to_json
from pyro_seatbelt.runs.folder import now
from pyro_seatbelt.training.divergence import TrainingDiverged


class Failure(NamedTuple):
    """Why a job failed.

    Attributes:
        error: One line.
        traceback: Where, if it is not the user's to change.
    """

    error: str
    traceback: str | None = None


def failure_of(error: BaseException) -> Failure:
    """Puts an error into words.

    Args:
        error: What was raised.

    Example:
        >>> failure_of(InputError("beta: expected >= 0, got -1"))
        Failure(error='beta: expected >= 0, got -1', traceback=None)
    """
    text = " ".join(str(error).split())
    if isinstance(error, KeyboardInterrupt):
        return Failure("a signal stopped it")
    if isinstance(error, (InputError, TrainingDiverged, WorkerDied)):
        return Failure(text)
    return Failure(
        f"{type(error).__name__}: {text}" if text else type(error).__name__,
        "".join(traceback.format_exception(error)),
    )


def failure_in(outcome: Future[Failure | None]) -> Failure | None:
    """Tells why a job failed, from what its executor says of it.

    Args:
        outcome: What the task of the sweep returned, or why it could not.

    Returns:
        Why it failed; None if it is finished.

    Example:
        >>> outcome = Future()
        >>> outcome.set_exception(WorkerDied("its process ended with status 3"))
        >>> failure_in(outcome).error
        'its process ended with status 3'
    """
    error = outcome.exception()
    return outcome.result() if error is None else failure_of(error)


def keep_failure(folder: Path, job: str, failure: Failure) -> None:
    """Writes down that a job failed, and how often it has.

    Args:
        folder: Of the sweep.
        job: The name of the job.
        failure: Why.

    Raises:
        InputError: If it cannot be written, or a newer version has.
    """
    path, attempts = _place(folder, job), num_attempts(folder, job)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "job": job,
        **failure._asdict(),
        "attempts": attempts + 1,
        "time": now().isoformat(),
    }
    write_atomically(path, to_json(content))


def num_attempts(folder: Path, job: str) -> int:
    """Tells how often a job has failed; 0 where what was written cannot be understood.

    Args:
        folder: Of the sweep.
        job: The name of the job.

    Raises:
        NewerFormat: If a newer version wrote it.
    """
    path = _place(folder, job)
    try:
        return int(from_json(path, read_bytes(path))["attempts"])
    except NewerFormat:
        raise
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return 0


def forget_failure(folder: Path, job: str) -> None:
    """Removes what was written of a job that is finished now.

    Args:
        folder: Of the sweep.
        job: The name of the job.

    Raises:
        InputError: If it cannot be removed.
    """
    path = _place(folder, job)
    with writing(path):
        path.unlink(missing_ok=True)


def _place(folder: Path, job: str) -> Path:
    return folder / "failures" / f"{job}.json"
