"""Where a batch of images comes from: memory, a mapped file or a generator."""

from typing import Protocol, Self, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@runtime_checkable
class ImageSource(Protocol):
    """Images that can be gathered by index, a batch at a time.

    Anything with these members can be trained on.
    """

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""

    @property
    def device(self) -> torch.device:
        """Where :meth:`gather` leaves its batches."""

    def __len__(self) -> int:
        """Count the images."""

    def gather(self, indices: Tensor) -> Tensor:
        """Return the images at these indices.

        Args:
            indices: Image numbers, int64, shape `(B,)`, on any device.

        Returns:
            Grey values 0 to 255, uint8, shape `(B, C, H, W)`, on the source's device.
        """

    def to(self, device: torch.device | str) -> "ImageSource":
        """Return a source of the same images that gathers onto a device."""


class ResidentImages:
    """Images held whole in the memory of one device.

    Args:
        pixels: Grey values 0 to 255, uint8, shape `(N, C, H, W)`; an array is taken without a copy
            where it is writable and contiguous.
        device: Where they are held; by default where they are.

    Raises:
        TypeError: If the pixels are not uint8.
        ValueError: If they do not have four dimensions.

    Example:
        >>> import torch
        >>> images = ResidentImages(torch.zeros(10, 1, 64, 64, dtype=torch.uint8))
        >>> len(images), images.image_shape
        (10, (1, 64, 64))
        >>> images.gather(torch.tensor([3, 1])).shape
        torch.Size([2, 1, 64, 64])
    """

    def __init__(
        self, pixels: Tensor | NDArray[np.uint8], *, device: torch.device | str | None = None
    ) -> None:
        tensor = pixels if isinstance(pixels, Tensor) else _as_tensor(pixels)
        _check_pixels(tensor)
        self._pixels = tensor.to(device or tensor.device).contiguous()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return _image_shape(self._pixels)

    @property
    def device(self) -> torch.device:
        """Where the images are held."""
        return self._pixels.device

    def __len__(self) -> int:
        """Count the images."""
        return len(self._pixels)

    def gather(self, indices: Tensor) -> Tensor:
        """Return the images at these indices, uint8, shape `(B, C, H, W)`."""
        return self._pixels.index_select(0, indices.to(self.device))

    def to(self, device: torch.device | str) -> Self:
        """Return the same images, held on a device."""
        return type(self)(self._pixels, device=device)


class MappedImages:
    """Images in a file, read by the operating system as they are asked for.

    On the CPU this is as fast as memory once the file is cached, and several
    processes share one copy. For another device see :meth:`to`.

    Args:
        pixels: Grey values 0 to 255, uint8, shape `(N, C, H, W)`, usually a memory map.
        device: Where gathered batches are put.

    Raises:
        TypeError: If the pixels are not uint8.
        ValueError: If they do not have four dimensions.

    Example:
        >>> import numpy as np, torch
        >>> images = MappedImages(np.zeros((10, 3, 64, 64), np.uint8))
        >>> images.gather(torch.tensor([9])).shape
        torch.Size([1, 3, 64, 64])
    """

    def __init__(self, pixels: NDArray[np.uint8], *, device: torch.device | str = "cpu") -> None:
        self._array = pixels
        self._pixels = _as_tensor(pixels)
        _check_pixels(self._pixels)
        self._device = torch.device(device)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return _image_shape(self._pixels)

    @property
    def device(self) -> torch.device:
        """Where gathered batches are put."""
        return self._device

    def __len__(self) -> int:
        """Count the images."""
        return len(self._pixels)

    def gather(self, indices: Tensor) -> Tensor:
        """Return the images at these indices, uint8, shape `(B, C, H, W)`."""
        gathered = self._pixels.index_select(0, indices.cpu())
        if self._device.type == "cuda":  # pinned memory is copied while the host goes on
            return gathered.pin_memory().to(self._device, non_blocking=True)
        return gathered.to(self._device)

    def to(self, device: torch.device | str) -> "MappedImages | ResidentImages":
        """Return a source of the same images that gathers onto a device.

        On an accelerator the images become resident when they take at most
        half of its free memory; otherwise every batch is copied there.
        """
        device = torch.device(device)
        if device.type == "cpu" or not _fits(self._pixels.nbytes, device):
            return MappedImages(self._array, device=device)
        return ResidentImages(self._pixels, device=device)


def to_pixels(batch: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Turn grey values 0 to 255 into pixels in [0, 1].

    Args:
        batch: Grey values, uint8, any shape.
        dtype: A floating-point type.

    Returns:
        Pixels of the same shape, on the same device.

    Raises:
        TypeError: If the batch is not uint8.

    Example:
        >>> import torch
        >>> to_pixels(torch.tensor([0, 51, 255], dtype=torch.uint8))
        tensor([0.0000, 0.2000, 1.0000])
    """
    if batch.dtype != torch.uint8:
        raise TypeError(f"expected grey values of type torch.uint8, got {batch.dtype}")
    return batch.to(dtype).div_(255)


def _as_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    # torch warns about arrays that cannot be written, so those are copied
    array = np.ascontiguousarray(np.asarray(pixels))
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _check_pixels(pixels: Tensor) -> None:
    if pixels.dtype != torch.uint8:
        raise TypeError(f"expected pixels of type torch.uint8, got {pixels.dtype}")
    if pixels.ndim != 4:
        raise ValueError(f"expected pixels of shape (N, C, H, W), got {tuple(pixels.shape)}")


def _image_shape(pixels: Tensor) -> tuple[int, int, int]:
    _, channels, height, width = pixels.shape
    return channels, height, width


def _fits(num_bytes: int, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return num_bytes <= free // 2
