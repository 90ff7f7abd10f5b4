"""The grid of penalties lambda that an attack runs over."""

from pyro_seatbelt.errors import InputError

_MOST = 100_000


def geometric_weights(num: int = 50) -> tuple[float, ...]:
    r"""The penalties lambda of the paper: 0, and :math:`2^{-20}` to :math:`2^{20}`, geometrically.

    Args:
        num: How many besides 0.

    Raises:
        InputError: When it is negative, or absurdly large.

    Example:
        >>> geometric_weights(3)
        (0.0, 9.5367431640625e-07, 1.0, 1048576.0)
    """
    if not 0 <= num <= _MOST:
        wanted = "0 weights lambda or more" if num < 0 else f"at most {_MOST:,} weights lambda"
        raise InputError(f"expected {wanted}, got {num}")
    return (0.0, *(2.0 ** (-20 + 40 * step / max(1, num - 1)) for step in range(num)))


PAPER_WEIGHTS: tuple[float, ...] = geometric_weights()
"""The grid of the paper: 0, and 50 values of :func:`geometric_weights`."""
