"""A training step of a beta-TCVAE, beside the published loss in the default layout."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Annotated, Any

import pyro
import torch
import typer
from torch import Tensor
from torch.nn import functional

from benchmarks.paired import Apart, compared, in_turns
from benchmarks.result import Result
from pyro_seatbelt import presets
from pyro_seatbelt.allocator import keep_freed_memory

NUM_DATA = 86366
LATENT_DIM = 10
BETA = 6.0
PUBLISHED, KEPT = "published loss, default layout", "published loss, memory kept"
PLAIN, OURS = "ours, memory not kept", "ours, default layout"


def train_step(
    batch_size: int = 256,
    rounds: int = 10,
    layers: Annotated[int, typer.Option(help="1: a beta-TCVAE; more: a Seatbelt-VAE.")] = 1,
    device: str = "cuda" if torch.cuda.is_available() else "cpu",
) -> Result:
    """Time a training step beside the published loss in the default layout.

    The rival is the loss of Chen et al. (2018) written as they publish it (all pairs in one tensor,
    weighted sampling) in plain torch, with the same networks in the default memory layout, under
    the same fused Adam. It and ours, channels-last, run in a process as Python starts it. Beside
    them run, in a process that keeps freed memory as the command does: the rival, ours in the
    default layout, ours as it is trained, and that under bf16 autocast. With several layers there
    is no published rival, and the base is ours with memory that is not kept.
    """
    place = partial(_steps, batch_size, layers, device, torch.get_num_threads())
    plain = Apart(partial(place, kept=False), device=device)
    kept = Apart(partial(place, kept=True), _keep, device=device)
    with plain, kept:
        parts = dict.fromkeys(_names(layers, kept=False), plain)
        parts |= dict.fromkeys(_names(layers, kept=True), kept)
        rivals = {name: partial(part.run, name) for name, part in parts.items()}
        seconds = in_turns(rivals, rounds=rounds)
        peaks = {name: part.peak_memory(name) for name, part in parts.items()}
    rows = compared(seconds, base=next(iter(rivals)), peaks=peaks)
    if device != "cpu":
        rows = [{**row, "images a second": batch_size / (1e-3 * float(row["ms"]))} for row in rows]
    return Result(
        title=f"A training step, B = {batch_size}, L = {layers}",
        rows=rows,
        settings={"rounds": rounds, "threads": torch.get_num_threads(), "device": device},
    )


def _keep() -> None:
    if not keep_freed_memory():
        raise SystemExit(
            "memory cannot be kept here: another C library, or the environment says so"
        )


def _names(layers: int, *, kept: bool) -> tuple[str, ...]:
    ours = (OURS, "ours", "ours, bf16") if kept else (PLAIN,)
    return (KEPT if kept else PUBLISHED, *ours) if layers == 1 else ours


def _steps(
    batch_size: int, layers: int, device: str, threads: int, *, kept: bool
) -> dict[str, Callable[[], float]]:
    """The steps that a process takes."""
    pyro.settings.set(module_local_params=True)
    pyro.enable_validation(False)
    torch.set_num_threads(threads)
    x = torch.rand(batch_size, 1, 64, 64, device=device)
    return {
        name: step_of(
            x,
            layers=layers,
            published=name in {PUBLISHED, KEPT},
            channels_last=name in {PLAIN, "ours", "ours, bf16"},
            bf16=name == "ours, bf16",
        )
        for name in _names(layers, kept=kept)
    }


def published_loss(family: presets.Family, x: Tensor) -> Tensor:
    """The loss of Chen et al., a mean over images, with every pair in one tensor."""
    features = family.guide.encoder(x)
    posterior = family.guide.conditionals[0](features).base_dist
    z = posterior.rsample()
    logits = family.model.decoder(z)
    log_likelihood = -functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(
        (1, 2, 3)
    )
    log_q = posterior.log_prob(z).sum(1)
    log_p = torch.distributions.Normal(torch.zeros_like(z), 1.0).log_prob(z).sum(1)
    u = (z[:, None] - posterior.loc) / posterior.scale
    pairs = -0.5 * (u**2 + math.log(2 * math.pi)) - posterior.scale.log()  # (M, M, D)
    log_nm = math.log(NUM_DATA * len(x))
    log_qz = pairs.sum(2).logsumexp(1) - log_nm
    log_product = (pairs.logsumexp(1) - log_nm).sum(1)
    parts = log_likelihood - (log_q - log_qz) - BETA * (log_qz - log_product)
    return -(parts - (log_product - log_p)).mean()


def step_of(
    x: Tensor,
    *,
    layers: int = 1,
    latent_dim: int = LATENT_DIM,
    published: bool = False,
    channels_last: bool = True,
    bf16: bool = False,
) -> Callable[[], float]:
    """A closure that takes one training step, and waits until it is done."""
    torch.manual_seed(0)
    family = presets.build(
        "beta-tcvae" if layers == 1 else "seatbelt",
        layers=layers,
        latent_dim=latent_dim,
        beta=BETA,
        num_data=max(NUM_DATA, len(x)),
    )
    modules: tuple[Any, ...] = (family.model, family.guide)
    for module in modules:
        module.to(x.device)
        if not channels_last:
            module.to(memory_format=torch.contiguous_format)
    # the networks ask for channels-last inputs; one channel has no layout of its own
    loss_module = family.objective(family.model, family.guide)
    optimizer = torch.optim.Adam(loss_module.parameters(), lr=1e-3, fused=True)

    def step() -> float:
        autocast = torch.autocast(x.device.type, torch.bfloat16) if bf16 else nullcontext()
        with autocast:
            loss = published_loss(family, x) if published else loss_module(x) / NUM_DATA
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
