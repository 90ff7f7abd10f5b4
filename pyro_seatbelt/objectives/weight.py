"""A number that weighs a part of an objective, checked whenever it is assigned."""

import math
from typing import Any


class Weight:
    """An attribute that holds a finite number >= 0.

    Example:
        >>> class Objective:
        ...     beta = Weight()
        >>> objective = Objective()
        >>> objective.beta = 4.0
        >>> objective.beta = -5.0
        Traceback (most recent call last):
            ...
        ValueError: expected beta >= 0 and finite, got -5.0
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> float:
        if instance is None:
            raise AttributeError(f"{self.name} is an attribute of instances")
        value: float = vars(instance)[self.name]
        return value

    def __set__(self, instance: Any, value: float) -> None:
        """Keeps a number.

        Raises:
            TypeError: When it is no number.
            ValueError: When it is negative or not finite.
        """
        try:
            sound = 0 <= value < math.inf
        except TypeError as error:
            raise TypeError(f"expected {self.name} to be a number, got {value!r}") from error
        if not sound:
            raise ValueError(f"expected {self.name} >= 0 and finite, got {value}")
        vars(instance)[self.name] = value
