"""What several processes that train one pair have to agree on."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, distributed
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.ranks import SharedBatch
from pyro_seatbelt.training.fabric import Fabric
from pyro_seatbelt.training.randomness import derive_seed, seed_step

_AGREE_EVERY = 10
"""Steps between two looks of several processes at each other's signals and clocks."""


class Processes:
    """The processes of a Fabric; with one of them every method is the obvious thing.

    Args:
        fabric: Launched.
        batch_size: Images in a minibatch, that of all processes.

    Raises:
        InputError: If they cannot share a minibatch equally.

    Example:
        >>> processes = Processes(Fabric(accelerator="cpu", devices=1), batch_size=8)
        >>> processes.any(True, False), processes.first
        ((True, False), True)
    """

    def __init__(self, fabric: Fabric, batch_size: int) -> None:
        self.rank, self.size = fabric.global_rank, fabric.world_size
        self._fabric = fabric
        self._shared: SharedBatch | None = None
        if batch_size % self.size:
            raise InputError(
                f"batch_size: expected a multiple of the {self.size} processes that share it, got "
                f"{batch_size}"
            )
        if self.size > 1:
            self._shared = SharedBatch(
                self.rank,
                self.size,
                _gather,
                batch_size // self.size,
                torch.Generator(fabric.device),
            )

    @property
    def first(self) -> bool:
        """Whether this is the one that evaluates and writes."""
        return self.rank == 0

    def drawing(self, seed: int, step: int, device: torch.device) -> AbstractContextManager[Any]:
        """Sets the generators for a step; what is open while its programs run.

        Args:
            seed: The seed of the run.
            step: Number of the step.
            device: Where it runs.
        """
        if self._shared is None:
            seed_step(seed, step, device)
            return nullcontext()
        seed_step(seed, step, device, rank=self.rank)
        return self._shared.seeded(derive_seed(seed, 1, step))

    def agree(self, step: int, *flags: bool) -> tuple[bool, ...]:
        """Tells what any process asks for; several look at each other every few steps.

        Args:
            step: Number of the step.
            flags: What this one asks for.
        """
        if self._shared is not None and step % _AGREE_EVERY:
            return tuple(False for _ in flags)
        return self.any(*flags)

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Tells which of some flags are up in any process."""
        if self._shared is None:
            return flags
        up = torch.tensor(flags, dtype=torch.float32)
        return tuple(bool(flag) for flag in self.mean(up).tolist())

    def mean(self, value: Tensor) -> Tensor:
        """The mean over the processes, without gradients."""
        if self._shared is None:
            return value
        reduced = self._fabric.all_reduce(value.to(self._fabric.device), reduce_op="mean")
        assert isinstance(reduced, Tensor)
        return reduced.to(value.device)

    def mean_of(self, numbers: Mapping[str, Any]) -> dict[str, Any]:
        """The means of numbers by name, or by name and site."""
        return {
            name: self.mean_of(value)
            if isinstance(value, Mapping)
            else self.mean(torch.tensor(value, dtype=torch.float64)).item()
            for name, value in numbers.items()
        }


class _Gather(Function):
    """Tensors of all processes one after the other; gradients are summed where they came from."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.num_rows = len(value)
        parts = [torch.empty_like(value) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, value)
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total.narrow(0, distributed.get_rank() * ctx.num_rows, ctx.num_rows)


def _gather(value: Tensor) -> Tensor:
    gathered: Tensor = _Gather.apply(value.contiguous())
    return gathered
