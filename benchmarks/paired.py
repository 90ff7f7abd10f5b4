"""Timing rivals in turns, so that a drifting machine does not favour one."""

import statistics
import time
from collections.abc import Callable, Mapping


def in_turns(
    rivals: Mapping[str, Callable[[], object]], *, rounds: int, warmup: int = 2
) -> dict[str, list[float]]:
    """Runs every rival once a round, in an order that turns.

    Args:
        rivals: What to time, by name.
        rounds: How often each is timed.
        warmup: Rounds that do not count, first.

    Returns:
        Seconds of every timed run, by name.
    """
    names = list(rivals)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(warmup + rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            start = time.perf_counter()
            rivals[name]()
            if turn >= warmup:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def table(seconds: Mapping[str, list[float]], *, base: str) -> str:
    """Medians, and the ratio of each rival to the base round by round, as text.

    Args:
        seconds: From :func:`in_turns`.
        base: The rival that the others are compared with.

    Returns:
        A line per rival: median milliseconds, median ratio and its range.
    """
    width = max(map(len, seconds))
    lines = [f"{'':{width}}  median ms  ratio  (min - max of the rounds)"]
    for name, times in seconds.items():
        ratios = [t / b for t, b in zip(times, seconds[base], strict=True)]
        lines.append(
            f"{name:{width}}  {statistics.median(times) * 1e3:9.1f}  "
            f"{statistics.median(ratios):5.3f}  ({min(ratios):.3f} - {max(ratios):.3f})"
        )
    return "\n".join(lines)
