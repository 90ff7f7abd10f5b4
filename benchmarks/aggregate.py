"""The aggregate posterior, forward and backward, beside all pairs at once and loops in C++."""

import ctypes
import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.distributions import Normal

from benchmarks.paired import compared, in_turns, peak_memory
from benchmarks.result import Result
from pyro_seatbelt.allocator import keep_freed_memory
from pyro_seatbelt.objectives.aggregate import aggregate_log_density
from pyro_seatbelt.objectives.gaussian_aggregate import gaussian_aggregate_sums

PLAIN, OURS, LIMIT = "all pairs in one tensor", "ours", "loops in C++"
LARGEST_PLAIN = 1 << 28
"""Pairs and dimensions that the plain form is asked for: at six times 4 bytes each, 6 GB."""

Inputs = tuple[Tensor, Tensor, Tensor]
Sums = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def aggregate(
    batch_size: int = 1024,
    latent_dim: int = 10,
    rounds: int = 10,
    device: str = "cuda" if torch.cuda.is_available() else "cpu",
) -> Result:
    """Time the aggregate posterior beside all pairs in one tensor, and beside loops in C++.

    The plain rival holds an M x M x D tensor of log-densities and lets autograd go back through
    it, as published code does; it is left out where that takes too much memory. The loops in C++
    (`aggregate_limit.cpp`, where there is a g++) are what a CPU can do at best.
    """
    keep_freed_memory()  # for the rivals, too
    inputs = draws(batch_size, latent_dim, device=device)
    rivals = {OURS: forward_and_backward(gaussian_aggregate_sums, inputs)}
    if batch_size**2 * latent_dim <= LARGEST_PLAIN:
        rivals = {PLAIN: forward_and_backward(plain_sums, inputs), **rivals}
    base = next(iter(rivals))
    limit = None if device != "cpu" else loops(inputs)
    if limit is not None:
        rivals[LIMIT] = limit
    seconds = in_turns(rivals, rounds=rounds, warmup=1)
    peaks = {name: peak_memory(run, device) for name, run in rivals.items()}
    rows = compared(seconds, base=base, peaks=peaks)
    exact = gradients(plain_sums, draws(256, latent_dim, dtype=torch.float64))
    errors = {OURS: gradients(gaussian_aggregate_sums, draws(256, latent_dim))}
    if PLAIN in rivals:
        errors[PLAIN] = gradients(plain_sums, draws(256, latent_dim))
    return Result(
        title=f"The aggregate posterior, forward and backward, M = {batch_size}, D = {latent_dim}",
        rows=[
            {**row, "gradient error": _error(errors[name], exact) if name in errors else math.nan}
            for name, row in zip(rivals, rows, strict=True)
        ],
        settings={"rounds": rounds, "threads": torch.get_num_threads(), "device": device},
        note="The gradient error is the largest difference from float64 over the largest gradient, "
        "M = 256, standard deviations from 0.02.",
    )


def plain_sums(
    z: Tensor, loc: Tensor, scale: Tensor, log_weights: Tensor, rows: Tensor
) -> tuple[Tensor, Tensor]:
    """The same sums from every pair at once."""
    density = aggregate_log_density(Normal(loc, scale).log_prob(z[:, None]), log_weights)
    return (rows * density.joint).sum(), (rows[..., None] * density.marginal).sum((0, 1))


def draws(
    batch_size: int, latent_dim: int, *, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> Inputs:
    """Draws and the posteriors they come from: the same numbers in every precision."""
    generator = torch.Generator().manual_seed(0)
    shape = (batch_size, 1, latent_dim)
    loc = torch.randn(shape, generator=generator)
    scale = 0.02 + torch.rand(shape, generator=generator)
    z = loc + scale * torch.randn(shape, generator=generator)
    z, loc, scale = (t.to(device, dtype).requires_grad_() for t in (z, loc, scale))
    return z, loc, scale


def gradients(sums: Sums, inputs: Inputs) -> list[Tensor]:
    """Of a total correlation's weighted terms, by the draws, the means and the scales."""
    z = inputs[0]
    log_weights = torch.tensor(-math.log(len(z) * 86366), device=z.device, dtype=z.dtype)
    joint, marginal = sums(*inputs, log_weights, torch.ones_like(z[..., 0]))
    return list(torch.autograd.grad(5 * joint - 4 * marginal.sum(), inputs))


def forward_and_backward(sums: Sums, inputs: Inputs) -> Callable[[], object]:
    """What a step asks of the aggregate posterior, and waits for."""

    def run() -> list[float]:
        return [each.sum().item() for each in gradients(sums, inputs)]

    return run


def loops(inputs: Inputs) -> Callable[[], Tensor] | None:
    """The loops in C++ on the same numbers: the gradients; None without a compiler."""
    if shutil.which("g++") is None:
        return None
    source = Path(__file__).with_name("aggregate_limit.cpp")
    with tempfile.TemporaryDirectory() as folder:
        library = str(Path(folder) / "limit.so")
        flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
        subprocess.run(["g++", *flags, "-o", library, str(source)], check=True)  # noqa: S607
        function = ctypes.CDLL(library).aggregate
    z, loc, scale = (t.detach()[:, 0].T.contiguous() for t in inputs)
    dim, batch = z.shape

    def run() -> Tensor:
        value, found = torch.zeros(1 + dim), torch.zeros(3, dim, batch)
        function(
            *(ctypes.c_long(batch), ctypes.c_long(dim)),
            *(ctypes.c_void_p(t.data_ptr()) for t in (z, loc, scale)),
            *map(ctypes.c_float, (-math.log(batch * 86366), 5.0, -4.0)),
            *(ctypes.c_void_p(t.data_ptr()) for t in (value, found)),
        )
        return found

    return run


def _error(found: list[Tensor], exact: list[Tensor]) -> float:
    return max(
        float((f.double() - e).abs().max() / e.abs().max())
        for f, e in zip(found, exact, strict=True)
    )
