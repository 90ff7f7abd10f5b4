"""Numbers that weigh parts of an objective, checked whenever they are assigned."""

import math
from collections.abc import Mapping
from typing import Any

from pyro_seatbelt.family import WEIGHTS, Weights


def check_weight(name: str, value: float) -> None:
    """Refuses what is no finite number >= 0.

    Args:
        name: What it is, for the message.
        value: The number.

    Raises:
        TypeError: When it is no number.
        ValueError: When it is negative or not finite.
    """
    try:
        sound = 0 <= value < math.inf
    except TypeError as error:
        raise TypeError(f"expected {name} to be a number, got {value!r}") from error
    if not sound:
        raise ValueError(f"expected {name} >= 0 and finite, got {value}")


def weights_by_site(latent: object, given: Weights) -> dict[str, Weights]:
    """Reads which sites are decomposed, with which weights.

    Args:
        latent: The name of one site, or the weights of several by name.
        given: The weights that a single site has.

    Raises:
        TypeError: When a name or a weight is none.
        ValueError: Without a site, on a weight out of range, and on weights beside those of
            several sites.

    Example:
        >>> weights_by_site({"z1": Weights(beta=4.0)}, Weights())
        {'z1': Weights(alpha=1.0, beta=4.0, gamma=1.0)}
    """
    if isinstance(latent, str):
        by_site: dict[Any, Any] = {latent: given}
    elif isinstance(latent, Mapping):
        by_site = dict(latent)
        if not by_site:
            raise ValueError("expected the weights of one site or more, got none")
        if given != Weights():
            raise ValueError(
                "weights beside those of the sites: give each site its own, "
                "{'z1': Weights(beta=4.0)}"
            )
    else:
        raise TypeError(
            f"expected latent to be the name of a site, or weights by site, got {latent!r}"
        )
    for site, weights in by_site.items():
        if not isinstance(site, str) or not isinstance(weights, Weights):
            raise TypeError(
                "expected the Weights of sites by name, {'z1': Weights(beta=4.0)}, got "
                f"{site!r}: {weights!r}"
            )
        for name, value in weights._asdict().items():
            check_weight(name if isinstance(latent, str) else f"{name} of '{site}'", value)
    return by_site


class SiteWeight:
    """A weight of the one site that an objective decomposes: a finite number >= 0.

    The objective keeps the weights of its sites in `_weights`.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        assert name in WEIGHTS
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> float:
        """Looks the weight up.

        Raises:
            AttributeError: When several sites are decomposed.
        """
        if instance is None:
            raise AttributeError(f"{self.name} is an attribute of instances")
        weight: float = getattr(instance.weights[self._site(instance)], self.name)
        return weight

    def __set__(self, instance: Any, value: float) -> None:
        """Keeps a number.

        Raises:
            AttributeError: When several sites are decomposed.
            TypeError: When it is no number.
            ValueError: When it is negative or not finite.
        """
        check_weight(self.name, value)
        site = self._site(instance)
        instance.weights = {site: instance.weights[site]._replace(**{self.name: value})}

    def _site(self, instance: Any) -> str:
        sites = list(instance.weights)
        if len(sites) > 1:
            raise AttributeError(
                f"{', '.join(sites)} have a {self.name} each: see the attribute weights"
            )
        return str(sites[0])


class Weight:
    """An attribute that holds a finite number >= 0.

    Example:
        >>> class Objective:
        ...     within = Weight()
        >>> objective = Objective()
        >>> objective.within = 4.0
        >>> objective.within = -5.0
        Traceback (most recent call last):
            ...
        ValueError: expected within >= 0 and finite, got -5.0
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            raise AttributeError(f"{self.name} is an attribute of instances")
        return vars(instance)[self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        """Keeps a number.

        Raises:
            TypeError: When it is no number.
            ValueError: When it is negative or not finite.
        """
        check_weight(self.name, value)
        vars(instance)[self.name] = value


class Floor(Weight):
    """An attribute that holds a finite number >= 0, or such numbers by site.

    Example:
        >>> class Objective:
        ...     free_bits = Floor()
        >>> objective = Objective()
        >>> objective.free_bits = {"z1": 0.125}
    """

    def __set__(self, instance: Any, value: float | Mapping[str, float]) -> None:
        """Keeps a number, or numbers by site.

        Raises:
            TypeError: When one is no number.
            ValueError: When one is negative or not finite.
        """
        if not isinstance(value, Mapping):
            super().__set__(instance, value)
            return
        for site, floor in value.items():
            check_weight(f"{self.name} of '{site}'", floor)
        vars(instance)[self.name] = dict(value)
