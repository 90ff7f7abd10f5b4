"""Running networks for evaluation without a trace on what comes after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


@contextmanager
def evaluation_mode(*programs: Callable[..., Any], seed: int | None = None) -> Iterator[None]:
    """Evaluation mode, no gradients and, with a seed, a random stream of its own.

    Afterwards every module is in the mode that it was in and torch's
    generators stand where they stood.

    Args:
        programs: Models and guides; what is no `nn.Module` is left alone.
        seed: Seeds the draws inside.

    Example:
        >>> net = nn.Linear(2, 2)
        >>> with evaluation_mode(net, seed=0):
        ...     net.training
        False
        >>> net.training
        True
    """
    modules = [m for p in programs if isinstance(p, nn.Module) for m in p.modules()]
    were_training = [module.training for module in modules]
    with torch.random.fork_rng(enabled=seed is not None), torch.no_grad():
        if seed is not None:
            torch.manual_seed(seed)
        try:
            for module in modules:
                module.training = False
            yield
        finally:
            for module, training in zip(modules, were_training, strict=True):
                module.training = training
