"""Batch normalisation folded into the layers before it, for as long as an attack runs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from pyro_seatbelt.traces.programs import Program, roots_of

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_LINEAR = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@contextmanager
def folded(*programs: Program | None) -> Iterator[int]:
    """Folds normalisations in eval mode into the linear maps right before them, and takes it back.

    In eval mode a batch normalisation is an affine map of every channel, so that it and the
    convolution before it are one convolution: the same function up to rounding, in fewer passes
    over memory. Only neighbours in an `nn.Sequential` are known to follow each other;
    modules that are used twice, hooked or parametrised stay as they are.

    Args:
        programs: Modules, or bound methods of modules, in eval mode; what is neither is left alone.

    Yields:
        How many normalisations were folded.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).eval()
        >>> x = torch.rand(4, 1, 8, 8)
        >>> with torch.no_grad():
        ...     before = net(x)
        ...     with folded(net) as count:
        ...         count, torch.allclose(net(x), before, atol=1e-6)
        (1, True)
    """
    taken: list[tuple[nn.Sequential, str, nn.Module]] = []
    try:
        for sequence, linear, norm in _neighbours(roots_of(*programs)):
            first, second = sequence.get_submodule(linear), sequence.get_submodule(norm)
            taken += [(sequence, linear, first), (sequence, norm, second)]
            setattr(sequence, linear, _fold(first, second))
            setattr(sequence, norm, nn.Identity())
        yield len(taken) // 2
    finally:
        for sequence, name, module in taken:
            setattr(sequence, name, module)


def _neighbours(roots: list[nn.Module]) -> list[tuple[nn.Sequential, str, str]]:
    uses = Counter(
        id(child)
        for root in roots
        for module in root.modules()
        for child in module._modules.values()  # noqa: SLF001
        if child is not None
    )
    return [
        (module, linear, norm)
        for root in roots
        for module in root.modules()
        if type(module) is nn.Sequential
        for (linear, first), (norm, second) in pairwise(module.named_children())
        if _fits(first, second) and uses[id(first)] == uses[id(second)] == 1
    ]


def _fits(first: nn.Module, second: nn.Module) -> bool:
    return (
        type(first) in (*_LINEAR, *_TRANSPOSED)
        and type(second) in _NORMS
        and not second.training
        and isinstance(getattr(second, "running_mean", None), Tensor)
        and not any(
            part._forward_hooks or part._forward_pre_hooks or part._backward_hooks  # noqa: SLF001
            for part in (first, second)
        )
    )


@torch.no_grad()
def _fold(first: Any, second: Any) -> nn.Module:
    """A linear map that does what the map and the normalisation do one after the other."""
    transposed = type(first) in _TRANSPOSED
    # a transposed weight has the channels of one group, so each group is fused by itself
    groups: int = first.groups if transposed else 1

    def split(tensor: Tensor | None) -> Sequence[Any]:
        return [None] * groups if tensor is None else tensor.chunk(groups)

    fused = [
        fuse_conv_bn_weights(
            weight, bias, mean, variance, second.eps, scale, shift, transpose=transposed
        )
        for weight, bias, mean, variance, scale, shift in zip(
            *map(split, (first.weight, first.bias, second.running_mean, second.running_var)),
            *map(split, (second.weight, second.bias)),
            strict=True,
        )
    ]
    twin: nn.Module = deepcopy(first)
    for name, parts in zip(("weight", "bias"), zip(*fused, strict=True), strict=True):
        setattr(twin, name, nn.Parameter(torch.cat(parts)))
    return twin.requires_grad_(False)
