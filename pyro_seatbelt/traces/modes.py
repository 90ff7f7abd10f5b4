"""Running networks for evaluation without a trace on what comes after."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

_CPU = torch.device("cpu")


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
    devices = {p.device for m in modules for p in m.parameters(recurse=False)} - {_CPU}
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        if seed is not None:
            # the generators of these devices alone: on a host with many GPUs forking all is slow
            kind = next((device.type for device in devices), "cuda")
            stack.enter_context(
                torch.random.fork_rng(sorted(map(_number, devices)), device_type=kind)
            )
            torch.default_generator.manual_seed(seed)
            for device in devices:
                if device.type == "cuda":
                    torch.cuda.default_generators[_number(device)].manual_seed(seed)
                else:
                    torch.get_device_module(device).manual_seed(seed)
        try:
            for module in modules:
                module.training = False
            yield
        finally:
            for module, training in zip(modules, were_training, strict=True):
                module.training = training


def pixel_dtype(*programs: Callable[..., Any]) -> torch.dtype:
    """Returns the type of number that a pair computes in: that of its first parameter.

    Example:
        >>> pixel_dtype(nn.Linear(2, 2).double())
        torch.float64
    """
    modules = (program for program in programs if isinstance(program, nn.Module))
    parameter = next((p for module in modules for p in module.parameters()), None)
    return torch.get_default_dtype() if parameter is None else parameter.dtype


def _number(device: torch.device) -> int:
    return device.index or 0
