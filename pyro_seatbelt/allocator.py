"""How the allocator of C treats memory that tensors have freed."""

import os
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # as malloc.h has them
_SETTINGS = ("trim_threshold", "mmap_threshold", "mmap_max", "top_pad")


def keep_freed_memory() -> bool:
    """Lets this process keep the memory of freed tensors for the next ones, on a CPU.

    By default glibc maps each tensor above 32 MB anew and gives it back when it is freed, so that
    the system clears every page of every activation at each step: ``python -m benchmarks
    train-step`` measures what that takes. The price is memory: the process stays as large as it was
    at its largest until it ends, and the holes between tensors make that larger, by a quarter to
    a half of the activations. Results do not change. The command ``seatbelt`` and its workers do
    this; a script calls it once, before it trains or attacks.

    Returns:
        Whether glibc has taken it; not where the C library is another one, or where the environment
        says something of it (``MALLOC_TRIM_THRESHOLD_``, ``MALLOC_MMAP_THRESHOLD_``,
        ``MALLOC_MMAP_MAX_``, ``MALLOC_TOP_PAD_``, or one of them in ``GLIBC_TUNABLES``).

    Example:
        >>> kept = keep_freed_memory()
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if any(f"MALLOC_{n.upper()}_" in os.environ or f"malloc.{n}" in tunables for n in _SETTINGS):
        return False
    with suppress(ImportError, OSError, AttributeError):
        from ctypes import CDLL  # noqa: PLC0415 - not every Python has it

        libc = CDLL("libc.so.6")
        # never map, so that all comes from the heap, and never give the heap's end back
        return all(libc.mallopt(*each) == 1 for each in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1)))
    return False
