"""Batch normalisation by the statistics of one batch, whichever images go through."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Moments = tuple[Tensor, Tensor]
"""Mean and variance of every channel, shape `(C,)` each."""


class BatchStatistics:
    """Takes the statistics of a clean batch, and normalises attacked images by them.

    In train mode a layer normalises by the batch that goes through it. With attacked images it
    would undo part of the attack: whoever attacks the trained network, which is in eval mode,
    meets the statistics of clean images. Running averages in their place trail behind the
    weights, and depend on when a run was stopped. So the statistics are those of the
    clean minibatch of the step, gradients included: an image is normalised in the same way
    whichever others are attacked beside it.

    Layers that are in eval mode when this is made keep their running averages.

    Args:
        module: What holds the layers.

    Example:
        >>> norm = nn.BatchNorm1d(1, affine=False)
        >>> statistics = BatchStatistics(norm)
        >>> with statistics.recorded():
        ...     _ = norm(torch.tensor([[1.0], [3.0]]))
        >>> with statistics.applied():
        ...     norm(torch.tensor([[5.0]])).round(decimals=3)
        tensor([[3.]])
    """

    def __init__(self, module: nn.Module) -> None:
        self._moments: dict[_BatchNorm, list[Moments]] = {
            layer: []
            for layer in module.modules()
            if isinstance(layer, _BatchNorm) and (layer.training or layer.running_mean is None)
        }

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """While open, the layers are in train mode, and the statistics of a run are kept."""

        def record(moments: list[Moments]) -> Callable[[Tensor], Moments]:
            def one(x: Tensor) -> Moments:
                over = [dim for dim in range(x.ndim) if dim != 1]
                exact = x.to(torch.promote_types(x.dtype, torch.float32))
                variance, mean = torch.var_mean(exact, over, correction=0)
                moments.append((mean, variance))
                return mean, variance

            return one

        for moments in self._moments.values():
            moments.clear()
        with self._normalising(record, training=True):
            yield

    @contextmanager
    def applied(self, *, detached: bool = False) -> Iterator[None]:
        """While open, the layers normalise by what was recorded, and see no batch.

        A layer that the recorded run called several times takes turns.

        Args:
            detached: Whether no gradient goes into the statistics.
        """

        def recall(moments: list[Moments]) -> Callable[[Tensor], Moments]:
            turns = cycle([tuple(each.detach() for each in pair) for pair in moments])
            given = cycle(moments)
            return lambda _: next(turns if detached else given)  # type: ignore[return-value]

        with self._normalising(recall, training=False):
            yield

    @contextmanager
    def _normalising(
        self, source: Callable[[list[Moments]], Callable[[Tensor], Moments]], *, training: bool
    ) -> Iterator[None]:
        with ExitStack() as stack:
            for layer, moments in self._moments.items():
                stack.callback(setattr, layer, "training", layer.training)
                layer.training = training
                hook = _normalise_by(source(moments))
                stack.callback(layer.register_forward_hook(hook).remove)
            yield


def _normalise_by(moments: Callable[[Tensor], Moments]) -> Any:
    """A hook that gives a layer's output anew."""

    def hook(layer: _BatchNorm, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        (x,) = inputs
        shape = [-1 if dim == 1 else 1 for dim in range(x.ndim)]
        mean, variance = moments(x)
        y = (x - mean.view(shape)) * (variance + layer.eps).rsqrt().view(shape)
        if layer.affine:
            y = y * layer.weight.view(shape) + layer.bias.view(shape)
        return y.to(output.dtype)

    return hook
