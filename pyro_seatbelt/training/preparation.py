"""What depends on the number of a step, set before it."""

from collections.abc import Callable

import torch

from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.learning_rate import learning_rate
from pyro_seatbelt.training.optimizer import set_learning_rate


class Preparation:
    """Sets the weights of the objective and the learning rate for a step.

    Args:
        optimizer: The optimiser, with the config's learning rate.
        config: Gives the schedule of the learning rate.
        total: How many steps the run has.
        schedule: Sets the weights of the objective.

    Example:
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
        >>> config = TrainConfig(learning_rate=0.5, learning_rate_schedule="cosine")
        >>> Preparation(optimizer, config, total=2)(2)
        >>> optimizer.param_groups[0]["lr"]
        0.25
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        config: TrainConfig,
        total: int,
        schedule: Callable[[int], None] | None = None,
    ) -> None:
        self._optimizer = optimizer
        self._config = config
        self._total = total
        self._schedule = schedule
        self._rate = config.learning_rate

    def __call__(self, step: int) -> None:
        """Prepares a step.

        Args:
            step: Its number, from 1.
        """
        if self._schedule:
            self._schedule(step)
        rate = self._rate_of(self._config.learning_rate, step)
        if rate == self._rate:  # one on the device costs a kernel
            return
        self._rate = rate
        for group in self._optimizer.param_groups:
            peak = group.get("initial_lr", self._config.learning_rate)
            set_learning_rate(group, self._rate_of(peak, step))

    def _rate_of(self, peak: float, step: int) -> float:
        config = self._config
        return learning_rate(
            config.learning_rate_schedule,
            peak,
            step=step,
            total=self._total,
            period=config.restart_steps,
            factor=config.restart_factor,
        )
