"""How many processes or threads to start."""

import os

_MOST = 8


def num_workers() -> int:
    """Return one worker a processor that this process may use, at most 8.

    Example:
        >>> 1 <= num_workers() <= 8
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST)
    return min(os.cpu_count() or 1, _MOST)
