"""How many processors there are to share."""

import os

_MOST = 8


def num_workers() -> int:
    """Return one worker per processor that this process may use, at most 8.

    Example:
        >>> 1 <= num_workers() <= 8
        True
    """
    return min(num_processors(), _MOST)


def num_processors() -> int:
    """Return the number of processors that this process may use.

    Example:
        >>> num_processors() >= num_workers()
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
