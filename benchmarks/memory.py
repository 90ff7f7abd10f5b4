"""Peak memory of the two things that grow: the aggregate posterior, and a training step."""

import math
from collections.abc import Callable
from typing import Annotated

import pyro
import torch
import typer

from benchmarks.aggregate import LARGEST_PLAIN, draws, forward_and_backward, plain_sums
from benchmarks.paired import peak_memory
from benchmarks.result import Result, Row
from benchmarks.train_step import step_of
from pyro_seatbelt.allocator import keep_freed_memory
from pyro_seatbelt.objectives.gaussian_aggregate import gaussian_aggregate_sums


def memory(
    largest: Annotated[int, typer.Option(help="Images in the largest minibatch.")] = 8192,
    device: str = "cuda" if torch.cuda.is_available() else "cpu",
) -> Result:
    """Measure peak memory of the aggregate posterior, beside all pairs in one tensor, and of steps.

    D = 10, beside what was there before; each is run once before it is measured. Freed memory is
    kept, as the command does.
    """
    keep_freed_memory()
    pyro.settings.set(module_local_params=True)
    pyro.enable_validation(False)
    rows: list[Row] = []
    for batch_size in (size for size in (256, 1024, 2048, 8192) if size <= largest):
        inputs = draws(batch_size, 10, device=device)
        ours = forward_and_backward(gaussian_aggregate_sums, inputs)
        plain = forward_and_backward(plain_sums, inputs)
        fits = batch_size**2 * 10 <= LARGEST_PLAIN
        step = step_of(torch.rand(batch_size, 1, 64, 64, device=device))
        rows.append(
            {
                "M": batch_size,
                "aggregate, MB": _twice(ours, device),
                "all pairs in one tensor, MB": _twice(plain, device) if fits else math.nan,
                "training step, MB": _twice(step, device) if batch_size <= 2048 else math.nan,
            }
        )
    return Result(title="Peak memory", rows=rows, settings={"device": device})


def _twice(run: Callable[[], object], device: str) -> float:
    run()
    return peak_memory(run, device)
