"""The pixels of each step, on the device where they are wanted."""

import torch
from torch import Tensor

from pyro_seatbelt.data import ImageSource, MappedImages, to_pixels
from pyro_seatbelt.training.randomness import EpochOrder


class Batches:
    """Gathers the images of a step; for CUDA those of the next one meanwhile.

    Images that are resident on the device are gathered there. Those that are mapped from a file
    are read while the device works on the step before, and copied on a stream of their own.

    Args:
        images: Where they come from, gathering onto the device.
        order: Which images make up each minibatch, by their numbers on the CPU.
        rank: Which of several processes this is.
        size: How many share a minibatch; each has its own rows of it.

    Example:
        >>> from pyro_seatbelt.data import ResidentImages
        >>> images = ResidentImages(torch.zeros(10, 1, 2, 2, dtype=torch.uint8))
        >>> order = EpochOrder(torch.arange(10), batch_size=4, seed=0)
        >>> Batches(images, order, rank=1, size=2)(1).shape
        torch.Size([2, 1, 2, 2])
    """

    def __init__(
        self, images: ImageSource, order: EpochOrder, *, rank: int = 0, size: int = 1
    ) -> None:
        self._images = images
        # images in a file are looked up from here: on the device their numbers would be waited for
        self._order = order if isinstance(images, MappedImages) else order.to(images.device)
        self._rank = rank
        self._size = size
        ahead = isinstance(images, MappedImages) and images.device.type == "cuda"
        self._side = torch.cuda.Stream(images.device) if ahead else None
        self._next: tuple[int, Tensor] | None = None

    @property
    def per_epoch(self) -> int:
        """How many batches an epoch has."""
        return self._order.batches_per_epoch

    def whole(self, step: int) -> Tensor:
        """The minibatch of a step, that of all processes."""
        return to_pixels(self._images.gather(self._order.batch(step)))

    def __call__(self, step: int) -> Tensor:
        """The rows of this process of the minibatch of a step.

        Args:
            step: Number of the step, from 1.

        Returns:
            Pixels in [0, 1], shape `(B, C, H, W)`.
        """
        if self._side is None:
            return to_pixels(self._images.gather(self._rows(step)))
        grey = self._fetched(step)
        current = torch.cuda.current_stream(self._images.device)
        current.wait_stream(self._side)
        grey.record_stream(current)
        x = to_pixels(grey)
        self._next = step + 1, self._fetch(step + 1)
        return x

    def _rows(self, step: int) -> Tensor:
        return self._order.batch(step).chunk(self._size)[self._rank]

    def _fetched(self, step: int) -> Tensor:
        if self._next is not None and self._next[0] == step:
            return self._next[1]
        return self._fetch(step)

    def _fetch(self, step: int) -> Tensor:
        with torch.cuda.stream(self._side):
            return self._images.gather(self._rows(step))
