"""Part of a set of images, a batch at a time."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pyro_seatbelt.data import ImageSource, to_pixels
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.traces.programs import Program, modules_of


def pixel_batches(
    images: ImageSource,
    indices: Tensor,
    *,
    batch_size: int,
    dtype: torch.dtype = torch.float32,
    progress: Progress = silent,
) -> Iterator[Tensor]:
    """Goes through images in order.

    Args:
        images: Where the images come from.
        indices: Which of them, int64, shape :math:`(n,)`.
        batch_size: Images at a time.
        dtype: Type of the pixels.
        progress: Is told how many images are done once the next batch is asked for.

    Yields:
        Pixels in [0, 1], shape :math:`(B, C, H, W)`, on the device of the images.

    Example:
        >>> from pyro_seatbelt.data import ResidentImages
        >>> images = ResidentImages(torch.zeros(10, 1, 8, 8, dtype=torch.uint8))
        >>> [len(x) for x in pixel_batches(images, torch.arange(5), batch_size=2)]
        [2, 2, 1]
    """
    done = 0
    for batch in indices.split(batch_size):
        yield to_pixels(images.gather(batch), dtype)
        done += len(batch)
        progress("images", done, len(indices))


def context_batches(
    context: Sequence[Tensor], indices: Tensor, *, batch_size: int
) -> Iterator[tuple[Tensor, ...]]:
    """Goes through further arguments of a pair as :func:`pixel_batches` goes through its images.

    Args:
        context: Tensors with a row for each image of the whole set.
        indices: Which of them, int64, shape :math:`(n,)`.
        batch_size: Images at a time.

    Yields:
        Their rows for each batch.

    Raises:
        InputError: When one has no such row.

    Example:
        >>> labels = torch.eye(10)
        >>> [y.shape for y, in context_batches([labels], torch.arange(5), batch_size=3)]
        [torch.Size([3, 10]), torch.Size([2, 10])]
    """
    for each in context:
        if len(indices) and int(indices.max()) >= len(each):
            raise InputError(
                f"context: expected a row for each image of the set, got {len(each)} rows and "
                f"image {int(indices.max())}"
            )
    for batch in indices.split(batch_size):
        yield tuple(each[batch.to(each.device)] for each in context)


def pixel_dtype(*programs: Program) -> torch.dtype:
    """Returns the type of number that a pair computes in: that of its first parameter.

    Example:
        >>> pixel_dtype(torch.nn.Linear(2, 2).double())
        torch.float64
    """
    parameters = (p for module in modules_of(*programs) for p in module.parameters())
    parameter = next(parameters, None)
    return torch.get_default_dtype() if parameter is None else parameter.dtype
