"""Weights that change while training goes on."""

from collections.abc import Sequence
from typing import Any


class LinearWarmup:
    """Raises weights of an objective from 0 to their values, in equal steps.

    At the k-th of w steps a weight is k/w of its value; from step w on it is
    the value. The weights are attributes of the objective, as Pyro's objectives
    are annealed. Which step it is decides the weight, so a resumed run needs
    no memory of it.

    Args:
        objective: Has the weights as attributes; their present values are the final ones.
        steps: How many steps the rise takes; 0 for none.
        names: Attributes to raise. Chen et al. raise `beta` alone; in models with one weight for
            the whole KL raise all three.

    Raises:
        ValueError: If steps is negative.

    References:
        | Ladder Variational Autoencoders (Sonderby et al., 2016), section 2.3
        | Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018)

    Example:
        >>> from types import SimpleNamespace
        >>> objective = SimpleNamespace(alpha=1.0, beta=6.0)
        >>> warmup = LinearWarmup(objective, 3)
        >>> [warmup(step) or objective.beta for step in (1, 2, 3, 4)]
        [2.0, 4.0, 6.0, 6.0]
    """

    def __init__(self, objective: Any, steps: int, *, names: Sequence[str] = ("beta",)) -> None:
        if steps < 0:
            raise ValueError(f"expected steps >= 0, got {steps}")
        self._objective = objective
        self._steps = steps
        self._values = {name: float(getattr(objective, name)) for name in names}

    def __call__(self, step: int) -> None:
        """Sets the weights for a step.

        Args:
            step: Number of the step about to be taken, from 1.
        """
        share = min(1.0, step / self._steps) if self._steps else 1.0
        for name, value in self._values.items():
            setattr(self._objective, name, share * value)
