"""The numbers that decide what one identity looks like."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.drawn.splitmix import unit_uniforms


class Draws:
    """Numbers drawn for one identity, one after the other, the same ones on every machine.

    Args:
        identity: Number of the identity.
        key: Seed of the set.
        most: How many numbers an identity may draw; another number gives other draws.

    Example:
        >>> first, again = (Draws(3, key=1, most=8).between(0, 1) for _ in range(2))
        >>> first == again, first == Draws(4, key=1, most=8).between(0, 1)
        (True, False)
    """

    def __init__(self, identity: int, *, key: int, most: int) -> None:
        counters = identity * most + np.arange(most)
        self._uniforms: Iterator[float] = iter(unit_uniforms(counters, key=key).tolist())

    def between(self, low: float, high: float) -> float:
        """Draw a number from `low` up to `high`."""
        return low + (high - low) * next(self._uniforms)

    def whole(self, low: int, high: int) -> int:
        """Draw a whole number from `low` up to and including `high`."""
        return int(self.between(low, high + 1))

    def choice[T](self, options: tuple[T, ...], weights: tuple[float, ...] | None = None) -> T:
        """Draw one of several options, by weight."""
        shares = np.cumsum(weights or (1.0,) * len(options))
        index = np.searchsorted(shares, self.between(0, float(shares[-1])), side="right")
        return options[min(int(index), len(options) - 1)]

    def normal(self, scale: float) -> float:
        """Draw from a normal distribution around zero."""
        from scipy import special

        return scale * float(special.ndtri(self._inner()))

    def beta(self, a: float, b: float) -> float:
        """Draw a share from a beta distribution."""
        from scipy import special

        return float(special.betaincinv(a, b, self._inner()))

    def dirichlet(self, concentration: float, parts: int) -> NDArray[np.float64]:
        """Draw shares of several parts, shape `(parts,)`, from an even Dirichlet distribution."""
        from scipy import special

        uniforms = np.array([self._inner() for _ in range(parts)])
        gammas: NDArray[np.float64] = special.gammaincinv(concentration, uniforms)
        return gammas / gammas.sum()

    def _inner(self) -> float:
        """Draw a number within (0, 1), ends excluded."""
        return max(next(self._uniforms), 2.0**-54)
