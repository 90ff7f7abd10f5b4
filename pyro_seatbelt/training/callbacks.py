"""What somebody's own code hears of training, and when it is to stop early."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from pyro_seatbelt.training.metrics import Metrics


class Callback(Protocol):
    """Called after every step, and after every evaluation on held-out images.

    Of several processes only the first one calls it.
    """

    def __call__(self, step: int, kind: str, metrics: Metrics) -> bool | None:
        """Hears of a step or an evaluation.

        Args:
            step: How many steps have been taken.
            kind: `train` after a step, `heldout` after an evaluation.
            metrics: The numbers, in nats per image unless their name says otherwise; none after a
                step that was not measured.

        Returns:
            Whether to stop here; the run then ends as if this had been its last step, with a
            checkpoint.
        """


class EarlyStopping:
    """Stops when the held-out ELBO has not improved for some evaluations.

    The weights stay those of the last step, which are not the best.

    Args:
        patience: Evaluations without an improvement after which to stop.
        records: What has been evaluated before, of a run that is resumed.

    Raises:
        ValueError: If an evaluation has no `elbo`.

    References:
        | Early Stopping - But When? (Prechelt, 1998), criterion UP

    Example:
        >>> stop = EarlyStopping(2)
        >>> [stop(step, "heldout", {"elbo": elbo}) for step, elbo in enumerate([-9, -8, -8, -8.5])]
        [False, False, False, True]
    """

    def __init__(self, patience: int, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self._patience = patience
        self._best = -float("inf")
        self._without = 0
        for record in records:
            self(record["step"], record["kind"], record)

    @property
    def exhausted(self) -> bool:
        """Whether there have been as many evaluations without an improvement."""
        return self._without >= self._patience

    def __call__(self, step: int, kind: str, metrics: Mapping[str, Any]) -> bool:
        """Hears of an evaluation."""
        del step
        if kind != "heldout":
            return False
        if "elbo" not in metrics:
            raise ValueError("patience: expected evaluations with an elbo, got none")
        elbo = metrics["elbo"]
        better = elbo is not None and elbo > self._best  # null, and NaN, is not a number
        self._best = elbo if better else self._best
        self._without = 0 if better else self._without + 1
        return self.exhausted
