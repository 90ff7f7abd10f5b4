"""Batch normalisation's statistics, for the weights as they are."""

from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def calibrate(call: Callable[[Tensor], Any], module: nn.Module, batches: Iterable[Tensor]) -> None:
    """Takes the statistics of batch normalisation anew, as means over some batches.

    While weights are trained, the running averages trail behind them, and a step can leave
    averages that fit its weights badly: a network in eval mode, which is what is evaluated and
    attacked, is then another one than was trained. The weights stay as they are. Layers that are
    in eval mode keep what they have.

    Args:
        call: Runs the module on a batch.
        module: What holds the layers, in train mode.
        batches: The batches; without one nothing happens.

    References:
        | Rethinking "Batch" in BatchNorm (Wu & Johnson, 2021), Section 3

    Example:
        >>> norm = nn.BatchNorm1d(1)
        >>> calibrate(norm, norm, [torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [6.0]])])
        >>> norm.running_mean, norm.running_var
        (tensor([3.]), tensor([5.]))
    """
    layers = [
        each
        for each in module.modules()
        if isinstance(each, _BatchNorm) and each.training and each.track_running_stats
    ]
    if not layers:
        return
    with _averaging(layers):
        for number, batch in enumerate(batches):
            if not number:
                for layer in layers:
                    layer.reset_running_stats()
            call(batch)


@contextmanager
def _averaging(layers: list[_BatchNorm]) -> Any:
    """Lets running averages be plain ones."""
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = None
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
