"""Cost against size: images in a minibatch, layers, latent dimensions, images in a data set."""

import math
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pyro
import torch
import typer
from matplotlib.figure import Figure
from torch.distributions import Normal

from benchmarks.paired import peak_memory
from benchmarks.result import Result, Row
from benchmarks.train_step import step_of
from pyro_seatbelt.allocator import keep_freed_memory
from pyro_seatbelt.objectives.aggregate import exact_log_density

POINTS = 64
"""Points at which the exact aggregate posterior is evaluated."""


class Cost(NamedTuple):
    """What one size costs.

    Attributes:
        what: What was varied.
        size: How large it was.
        seconds: Median time of a call.
        megabytes: Its peak memory.
    """

    what: str
    size: int
    seconds: float
    megabytes: float


def scaling(
    figure: Annotated[Path | None, typer.Option(help="Draw it, a .png file.")] = None,
    most_seconds: Annotated[
        float, typer.Option(help="Stop a series before a call that would take longer.")
    ] = 20.0,
    rounds: int = 3,
    device: str = "cuda" if torch.cuda.is_available() else "cpu",
) -> Result:
    """Measure time and memory against size, and name the slopes.

    Training steps over B (64 to 8192), L (1 to 5, B = 64) and D (10 to 128, B = 256), and the
    exact aggregate posterior at 64 points over N (10^3 to 10^6, D = 10). The slope is that of
    the logarithms over the last three sizes: 1 is proportional. Freed memory is kept.
    """
    keep_freed_memory()
    pyro.settings.set(module_local_params=True)
    pyro.enable_validation(False)

    def step(batch_size: int, **settings: int) -> Callable[[], object]:
        return step_of(torch.rand(batch_size, 1, 64, 64, device=device), **settings)

    series: dict[str, tuple[Iterable[int], Callable[[int], Callable[[], object]]]] = {
        "B, images in a minibatch": ([64 << n for n in range(8)], step),
        "L, layers (B = 64)": (range(1, 6), lambda size: step(64, layers=size)),
        "D, dimensions (B = 256)": (
            (10, 32, 64, 128),
            lambda size: step(256, latent_dim=size),
        ),
        "N, images (exact aggregate)": (
            (10**3, 10**4, 10**5, 10**6),
            lambda size: _exact(size, device),
        ),
    }
    costs = {
        what: _measured(what, sizes, make, rounds, most_seconds, device)
        for what, (sizes, make) in series.items()
    }
    if figure is not None:
        _draw(costs).savefig(figure, dpi=130)
    rows: list[Row] = [
        {
            "": cost.what,
            "size": f"{cost.size:,}",
            "ms": 1e3 * cost.seconds,
            "peak MB": cost.megabytes,
            "slope of time": _slope(found, "seconds") if cost is found[-1] else "",
            "slope of memory": _slope(found, "megabytes") if cost is found[-1] else "",
        }
        for found in costs.values()
        for cost in found
    ]
    return Result(
        title="Cost against size",
        rows=rows,
        settings={"rounds": rounds, "threads": torch.get_num_threads(), "device": device},
        note=f"Sizes whose call would take more than {most_seconds:g} s, or more memory than is "
        "free, are left out.",
    )


def _measured(
    what: str,
    sizes: Iterable[int],
    make: Callable[[int], Callable[[], object]],
    rounds: int,
    most_seconds: float,
    device: str,
) -> list[Cost]:
    found: list[Cost] = []
    least = min(2.0, most_seconds)  # short calls are noisy, and timed as long as that
    for size in sizes:
        if found and not _affordable(found[-1], size, most_seconds):
            break
        call = make(size)
        call()
        seconds = []
        while not seconds or (seconds[0] < 2 and (len(seconds) < rounds or sum(seconds) < least)):
            begun = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - begun)
        found.append(Cost(what, size, statistics.median(seconds), peak_memory(call, device)))
    return found


def _affordable(last: Cost, size: int, most_seconds: float) -> bool:
    """Whether a size, if its cost grows with it, stays within time and half of the memory."""
    growth = size / last.size
    if torch.cuda.is_available():
        free = torch.cuda.mem_get_info()[0] / 1e6
    else:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(1.024e-3 * int(each.split()[1]) for each in lines if "MemAvailable" in each)
    return last.seconds * growth <= most_seconds and last.megabytes * growth <= free / 2


def _exact(num_data: int, device: str) -> Callable[[], object]:
    """The exact aggregate posterior of a data set at some points."""
    generator = torch.Generator().manual_seed(0)
    loc = torch.randn(num_data, 10, generator=generator).to(device)
    pieces = [Normal(each, torch.full_like(each, 0.3)) for each in loc.split(4096)]
    points = torch.randn(POINTS, 10, generator=generator).to(device)
    return lambda: exact_log_density(points, pieces).joint.sum().item()


def _slope(found: list[Cost], name: str) -> float:
    """Of the logarithms over the last three sizes; NaN where memory could not be told."""
    sizes, values = zip(*((cost.size, getattr(cost, name)) for cost in found[-3:]), strict=True)
    if len(sizes) < 2 or not all(value > 0 for value in values):
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def _draw(costs: dict[str, list[Cost]]) -> Figure:
    """A column for each series: time above, memory below, both axes logarithmic."""
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    axes = figure.subplots(2, len(costs), squeeze=False)
    for column, (what, found) in enumerate(costs.items()):
        for row, (name, unit) in enumerate((("seconds", "ms"), ("megabytes", "MB"))):
            ax = axes[row, column]
            values = [(1e3 if name == "seconds" else 1) * getattr(cost, name) for cost in found]
            sizes = [cost.size for cost in found]
            ax.loglog(sizes, values, marker="o", markersize=3.5)
            labels = [f"{size:.0e}" if size >= 10**4 else f"{size}" for size in sizes]
            if len(sizes) > 5:
                labels[1:-1] = [""] * (len(sizes) - 2)
            ax.set_xticks(sizes, labels)
            middle = math.sqrt(min(values) * max(values)) or 1.0
            low, high = ax.get_ylim()  # a factor of 10 at least, so that what is flat looks flat
            ax.set_ylim(min(low, middle / 3.2), max(high, middle * 3.2))
            ax.xaxis.minorticks_off()
            ax.set_title(f"slope {_slope(found, name):.2f}", fontsize=8)
            ax.set_xlabel(what, fontsize=8)
            ax.tick_params(labelsize=8, which="both")
            ax.grid(visible=True, alpha=0.25)
            if column == 0:
                ax.set_ylabel(unit, fontsize=8)
    return figure
