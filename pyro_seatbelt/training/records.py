"""Where the numbers of a run go."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pyro_seatbelt.training.fabric import Logger
from pyro_seatbelt.training.metrics import Metrics, MetricsLog, flatten


class Records:
    """The `metrics.jsonl` of a run and Lightning's loggers.

    A logger has the numbers as `train/loss`, `heldout/kl[z1]`.

    Args:
        folder: Of the run; without one there is no file.
        after: Step that the run goes on from.
        loggers: Anything with the interface of Lightning's loggers.
        settings: What the run is made of, for those loggers that keep it.

    Example:
        >>> with Records(None) as records:
        ...     records.write(1, "train", {"loss": 2.5})
        >>> records.has(1)
        False
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        after: int = 0,
        loggers: Sequence[Logger] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._log = None if folder is None else MetricsLog(folder / "metrics.jsonl", after=after)
        self._loggers = loggers
        self._settings = dict(settings or {})
        self._stack = ExitStack()

    @property
    def kept(self) -> Sequence[Mapping[str, Any]]:
        """What an earlier part of the run has left in the file."""
        return self._log.kept if self._log else ()

    def __enter__(self) -> Self:
        if self._log:
            self._stack.enter_context(self._log)
        for logger in self._loggers:
            with suppress(NotImplementedError):  # the one for CSV has no place for them
                logger.log_hyperparams(self._settings)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for logger in self._loggers:
            logger.finalize("success" if kind is None else "failed")
        self._stack.close()

    def write(self, step: int, kind: str, metrics: Metrics) -> None:
        """Adds numbers.

        Args:
            step: Number of the step.
            kind: `train` or `heldout`.
            metrics: The numbers, in nats per image unless their name says otherwise.

        Raises:
            InputError: If the disk does not take them.
        """
        if self._log:
            self._log.write(step, kind, metrics)
        for logger in self._loggers:
            numbers = {f"{kind}/{name}": value for name, value in flatten(metrics)}
            logger.log_metrics(numbers, step)

    def has(self, step: int) -> bool:
        """Whether the held-out numbers of a step, or of a later one, are in the file."""
        return self._log is not None and self._log.latest.get("heldout", 0) >= step

    def sync(self) -> None:
        """Waits until the disk has every line of the file.

        Raises:
            InputError: If the disk does not take them.
        """
        if self._log:
            self._log.sync()
