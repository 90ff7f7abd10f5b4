"""How the allocator of C treats memory that tensors have freed."""

import os
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as malloc.h has them
_NEVER, _LARGEST = -1, 2**31 - 1
_SAID_BY_USER = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_")


def keep_freed_memory() -> bool:
    """Lets this process keep the memory of freed tensors for the next ones, on a CPU.

    By default glibc maps each tensor above 32 MB anew and gives it back when it is freed, so that
    the system clears every page of every activation at each step. Kept, a training step takes 0.7
    to 0.8 of the time, or less (``python -m benchmarks train-step``). The process stays as large as
    it was at its largest, until it ends; results do not change. The command ``seatbelt`` and its
    workers do this; a script calls it once, before it trains or attacks.

    Returns:
        Whether it is so now. It is not where the C library is another than glibc, or where the
        environment says how memory is to be had (``MALLOC_..._`` or ``GLIBC_TUNABLES``).

    Example:
        >>> keep_freed_memory() in (True, False)
        True
    """
    told = any(name in os.environ for name in _SAID_BY_USER)
    if told or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    with suppress(ImportError, OSError, AttributeError):
        from ctypes import CDLL  # noqa: PLC0415 - not every Python has it

        libc = CDLL("libc.so.6")
        thresholds = ((_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, _NEVER))
        return all(libc.mallopt(name, value) == 1 for name, value in thresholds)
    return False
