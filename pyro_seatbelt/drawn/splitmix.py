"""A counter-based hash for draws that must never change between library versions."""

import numpy as np
from numpy.typing import NDArray

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def splitmix64(counters: NDArray[np.int64], *, key: int) -> NDArray[np.uint64]:
    """Hash integers to 64 well-mixed bits, the same ones on every machine.

    NumPy promises no fixed streams for its ``Generator``, so whatever is drawn
    for keeps (which identities are held out, what a synthetic chair looks
    like) comes from here.

    Args:
        counters: Integers to hash, any shape.
        key: Seed; another key gives unrelated bits.

    Returns:
        Hashes of the same shape.

    References:
        | Fast Splittable Pseudorandom Number Generators (Steele et al., 2014)
        | https://doi.org/10.1145/2714064.2660195

    Example:
        >>> import numpy as np
        >>> hex(splitmix64(np.array([0]), key=0)[0])
        '0xe220a8397b1dcdaf'
    """
    start = _mix(np.array([key % 2**64], np.uint64) * _GAMMA)
    state = start + (np.atleast_1d(counters).astype(np.uint64) + np.uint64(1)) * _GAMMA
    return _mix(state).reshape(np.shape(counters))


def unit_uniforms(counters: NDArray[np.int64], *, key: int) -> NDArray[np.float64]:
    """Hash integers to numbers uniform on [0, 1), the same ones on every machine.

    Args:
        counters: Integers to hash, any shape.
        key: Seed; another key gives unrelated numbers.

    Returns:
        Numbers with 53 random bits, of the same shape.

    Example:
        >>> import numpy as np
        >>> unit_uniforms(np.arange(3), key=0).round(3).tolist()
        [0.883, 0.432, 0.026]
    """
    bits = splitmix64(counters, key=key) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Apply the output function of SplitMix64 to arrays (scalars would warn on overflow)."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
