"""Batch normalisation's statistics, for the weights as they are.

References:
    | Rethinking "Batch" in BatchNorm (Wu & Johnson, 2021), Section 3
    | https://arxiv.org/abs/2105.07576
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Moments:
    """Mean and mean square of what a layer normalises, over the batches that it has seen."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros((), dtype=torch.float64)
        self.square = torch.zeros((), dtype=torch.float64)

    def add(self, layer: nn.Module, *_: Any) -> None:
        """Takes in a batch, from a layer whose running averages are those of the batch."""
        assert isinstance(layer, _BatchNorm)
        assert layer.running_mean is not None
        assert layer.running_var is not None
        mean, variance = (each.cpu().double() for each in (layer.running_mean, layer.running_var))
        self.count += 1
        self.mean = self.mean + mean
        self.square = self.square + mean**2 + variance

    @property
    def variance(self) -> Tensor:
        return (self.square / self.count - (self.mean / self.count) ** 2).clamp(min=0)


@torch.no_grad()
def calibrate(
    call: Callable[[Tensor], Any],
    module: nn.Module,
    batches: Iterable[Tensor],
    *,
    mean: Callable[[Tensor], Tensor] = lambda value: value,
) -> None:
    r"""Takes the statistics of batch normalisation anew, over some batches.

    While weights are trained, the running averages trail behind them, and a step can leave
    averages that fit its weights badly: a network in eval mode, which is what is evaluated and
    attacked, is then another one than was trained. The mean becomes that of the batches' means
    :math:`\mu_b`, the variance :math:`E[\mu_b^2 + \sigma_b^2] - E[\mu_b]^2`. Weights stay as they
    are, and so do layers in eval mode, with `momentum=0`, or that no call reaches; after an error
    all do.

    Args:
        call: Runs the module on a batch.
        module: What holds the layers, in train mode.
        batches: The batches.
        mean: Of a number over the processes that have as many batches each.

    Example:
        >>> norm = nn.BatchNorm1d(1)
        >>> calibrate(norm, norm, [torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [6.0]])])
        >>> norm.running_mean, norm.running_var
        (tensor([3.]), tensor([6.]))
    """
    layers = _layers(module)
    if not layers:
        return
    moments = [_Moments() for _ in layers]
    with ExitStack() as stack:
        for layer, seen in zip(layers, moments, strict=True):
            stack.enter_context(_of_one_batch(layer))
            stack.callback(layer.register_forward_hook(seen.add).remove)
        for batch in batches:
            call(batch)
    for layer, seen in zip(layers, moments, strict=True):
        if seen.count:
            seen.mean, seen.square = mean(seen.mean), mean(seen.square)
            _set(layer, seen.mean / seen.count, seen.variance)


@contextmanager
def batch_statistics(module: nn.Module) -> Iterator[None]:
    """While open, layers normalise by the batch itself in eval mode, too.

    Args:
        module: What holds the layers, in train mode when this is entered.

    Example:
        >>> norm = nn.BatchNorm1d(1, affine=False)
        >>> with batch_statistics(norm):
        ...     norm.eval()(torch.tensor([[1.0], [3.0]])).round(decimals=3).tolist()
        [[-1.0], [1.0]]
        >>> norm.running_mean
        tensor([0.])
    """
    layers = _layers(module)
    kept = [(layer.running_mean, layer.running_var) for layer in layers]
    for layer in layers:
        layer.running_mean = layer.running_var = None
    try:
        yield
    finally:
        for layer, (mean, variance) in zip(layers, kept, strict=True):
            layer.running_mean, layer.running_var = mean, variance


def _layers(module: nn.Module) -> list[_BatchNorm]:
    """The layers whose statistics follow the batches."""
    return [
        each
        for each in module.modules()
        if isinstance(each, _BatchNorm)
        and each.training
        and each.momentum != 0
        and each.running_mean is not None
    ]


@contextmanager
def _of_one_batch(layer: _BatchNorm) -> Iterator[None]:
    """Lets running averages be those of the last batch; afterwards they are what they were."""
    momentum = layer.momentum
    kept = {name: buffer.clone() for name, buffer in layer.named_buffers(recurse=False)}
    layer.momentum = 1.0
    try:
        yield
    finally:
        layer.momentum = momentum
        for name, buffer in layer.named_buffers(recurse=False):
            buffer.copy_(kept[name])


def _set(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    layer.running_mean.copy_(mean)
    layer.running_var.copy_(variance)
