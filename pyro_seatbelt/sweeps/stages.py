"""Where a job is, told as one number."""

from collections.abc import Mapping
from typing import Any

from pyro_seatbelt.progress import NO_NUMBERS, Progress


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
