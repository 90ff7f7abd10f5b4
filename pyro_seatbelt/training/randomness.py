"""Random numbers that depend on the seed and the step alone."""

import numpy as np
import torch
from torch import Tensor

from pyro_seatbelt.errors import InputError


def derive_seed(seed: int, *path: int) -> int:
    """Derives an independent seed for a part of a run.

    Args:
        seed: The seed of the run, >= 0.
        path: Which part: numbers >= 0.

    Returns:
        A number below 2**63.

    Example:
        >>> derive_seed(0, 1) != derive_seed(0, 2)
        True
    """
    state = np.random.SeedSequence(seed, spawn_key=path).generate_state(1, np.uint64)
    return int(state[0]) >> 1


def seed_step(seed: int, step: int, device: torch.device, *, rank: int | None = None) -> None:
    """Sets torch's generators for one step.

    A run that resumes at a step, or looks at it once more, draws the same
    numbers as one that arrived there, whatever was drawn in between.

    Args:
        seed: The seed of the run.
        step: Number of the step.
        device: Where the step runs; the CPU's generator is set as well.
        rank: Which of several processes this is, for numbers of its own.
    """
    value = derive_seed(seed, 1, step, *([] if rank is None else [rank]))
    # torch.manual_seed would seed every device and, before CUDA starts, format a stack each time
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(value)
    elif device.type == "mps":
        torch.mps.manual_seed(value)


class EpochOrder:
    """Which images make up each minibatch.

    Every epoch goes through the images in an order of its own, drawn from the
    seed and the number of the epoch; the last images that do not fill a batch
    are left out of that epoch.

    Args:
        indices: Numbers of the training images, int64, shape `(N,)`.
        batch_size: Images in a batch.
        seed: The seed of the run.

    Raises:
        InputError: If there are fewer images than a batch holds.

    Example:
        >>> order = EpochOrder(torch.arange(10), batch_size=4, seed=0)
        >>> order.batches_per_epoch
        2
        >>> len({*order.batch(1).tolist(), *order.batch(2).tolist()})
        8
    """

    def __init__(self, indices: Tensor, *, batch_size: int, seed: int) -> None:
        if len(indices) < batch_size:
            raise InputError(
                f"batch_size: expected at most the {len(indices)} training images, got "
                f"{batch_size}: ask for smaller batches or use more identities"
            )
        self._indices = indices
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = -1
        self._order = indices

    def to(self, device: torch.device) -> "EpochOrder":
        """The same order with its numbers on a device."""
        return EpochOrder(self._indices.to(device), batch_size=self._batch_size, seed=self._seed)

    @property
    def batches_per_epoch(self) -> int:
        """How many batches an epoch has."""
        return len(self._indices) // self._batch_size

    def batch(self, step: int) -> Tensor:
        """Returns the image numbers of a step.

        Args:
            step: Number of the step, from 1.

        Returns:
            Int64, shape `(batch_size,)`.
        """
        epoch, position = divmod(step - 1, self.batches_per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive_seed(self._seed, 0, epoch))
            order = torch.randperm(len(self._indices), generator=generator)
            self._order = self._indices[order.to(self._indices.device)]
            self._epoch = epoch
        start = position * self._batch_size
        return self._order[start : start + self._batch_size]
