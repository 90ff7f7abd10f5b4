"""Torch's generators, put back where they stood."""

from contextlib import AbstractContextManager

import torch


def kept_generators(device: torch.device) -> AbstractContextManager[None]:
    """While open, draws are as ever; afterwards torch's generators stand where they stood.

    Args:
        device: Where draws are made, besides the CPU. On a host with many GPUs only this one's
            generator is put back: all would be slow.

    Example:
        >>> before = torch.get_rng_state()
        >>> with kept_generators(torch.device("cpu")):
        ...     _ = torch.rand(3)
        >>> torch.equal(torch.get_rng_state(), before)
        True
    """
    if device.type == "cpu":
        return torch.random.fork_rng(devices=[])
    return torch.random.fork_rng(devices=[device.index or 0], device_type=device.type)
