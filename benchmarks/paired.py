"""Timing rivals in turns, so that a drifting machine does not favour one."""

import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

from benchmarks.result import Row, text_of

Rivals = Mapping[str, Callable[[], object]]
"""What to measure, by name."""


def in_turns(
    rivals: Rivals,
    *,
    rounds: int,
    warmup: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Runs every rival once a round, in an order that turns.

    Args:
        rivals: What to time.
        rounds: How often each is timed.
        warmup: Rounds that do not count, first.
        clock: Reads the time in seconds.

    Returns:
        Seconds of every timed run, by name.
    """
    names = list(rivals)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(warmup + rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            start = clock()
            rivals[name]()
            if turn >= warmup:
                seconds[name].append(clock() - start)
    return seconds


class Apart:
    """Rivals in a process of their own, which can be set up in another way than this one.

    Args:
        make: Makes them there; has to be picklable.
        prepare: Called there before.
        device: Where their tensors are.
    """

    def __init__(
        self,
        make: Callable[[], Rivals],
        prepare: Callable[[], object] | None = None,
        device: str = "cpu",
    ) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, make, prepare, device), daemon=True
        )

    def __enter__(self) -> Self:
        """Starts the process, and waits until it is ready."""
        self._process.start()
        self._connection.recv()
        return self

    def __exit__(self, *details: object) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.join()

    def run(self, name: str) -> None:
        """Runs a rival, and waits for it."""
        self._connection.send((name, False))
        self._connection.recv()

    def peak_memory(self, name: str) -> float:
        """How much memory a rival takes at most (see :func:`peak_memory`)."""
        self._connection.send((name, True))
        peak: float = self._connection.recv()
        return peak


def _serve(
    connection: Connection,
    make: Callable[[], Rivals],
    prepare: Callable[[], object] | None,
    device: str,
) -> None:
    if prepare is not None:
        prepare()
    rivals = make()
    connection.send(None)
    while True:
        name, measure = connection.recv()
        connection.send(peak_memory(rivals[name], device) if measure else bool(rivals[name]()))


def compared(
    seconds: Mapping[str, Sequence[float]], *, base: str, peaks: Mapping[str, float] | None = None
) -> list[Row]:
    """Medians, and how many times faster each rival is than the base, round by round.

    Args:
        seconds: From :func:`in_turns`.
        base: The rival that the others are compared with.
        peaks: Peak memory by name, in MB.

    Returns:
        A row for each rival: median and range in milliseconds, the median of the rounds' ratios
        and their range, and the peak.
    """
    rows = []
    for name, times in seconds.items():
        ratios = [b / t for t, b in zip(times, seconds[base], strict=True)]
        rows.append(
            {
                "": name,
                "ms": 1e3 * statistics.median(times),
                "ms range": f"{text_of(1e3 * min(times))} - {text_of(1e3 * max(times))}",
                "times faster": statistics.median(ratios),
                "range": f"{min(ratios):.2f} - {max(ratios):.2f}",
                **({} if peaks is None else {"peak MB": peaks[name]}),
            }
        )
    return rows


def peak_memory(run: Callable[[], object], device: str = "cpu") -> float:
    """How much memory a call takes at most besides what was there before.

    On CUDA it is what torch has allocated, on a CPU the resident memory of this process as Linux
    counts it, after what was free has been given back; NaN elsewhere.

    Args:
        run: What to measure; call it once before, so that what it keeps is there.
        device: Where its tensors are.

    Returns:
        Megabytes (10^6 bytes).
    """
    import torch  # noqa: PLC0415 - start-up is measured without

    gc.collect()
    if torch.device(device).type == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak
        before = _resident("VmRSS")
        run()
        return max(0.0, _resident("VmHWM") - before)
    except OSError:
        return float("nan")


def _resident(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return 1.024e-3 * int(kilobytes)
