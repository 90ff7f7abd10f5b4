"""How close reconstructions are to their images.

References:
    | Multiscale structural similarity for image quality assessment (Wang et al., 2003)
    | https://doi.org/10.1109/ACSSC.2003.1292216
"""

from typing import NamedTuple

from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the five scales of Wang et al., finest first."""

KERNEL_SIZE = 11
"""Width of the Gaussian window, whose standard deviation is 1.5 pixels."""


class Quality(NamedTuple):
    """How close n reconstructions are, pixels in [0, 1].

    Attributes:
        mse: Mean squared error over pixels and channels, shape `(n,)`.
        l2: Euclidean distance, shape `(n,)`.
        ms_ssim: Multi-scale structural similarity, 1 for equal images, shape `(n,)`.
    """

    mse: Tensor
    l2: Tensor
    ms_ssim: Tensor


def reconstruction_quality(images: Tensor, reconstructions: Tensor) -> Quality:
    """Compares reconstructions with their images.

    MS-SSIM has as many of the five standard scales as fit (:func:`scale_weights`): three at
    64x64. Its numbers are to be compared among images of one size only.

    Args:
        images: Pixels in [0, 1], shape `(n, C, H, W)`.
        reconstructions: Of the same shape.

    Returns:
        Three numbers per image.

    Raises:
        ValueError: When the shapes differ, or images are smaller than the window of 11x11.

    Example:
        >>> import torch
        >>> images = torch.rand(3, 1, 64, 64)
        >>> reconstruction_quality(images, images).ms_ssim
        tensor([1., 1., 1.])
    """
    if images.shape != reconstructions.shape or images.ndim != 4:
        raise ValueError(
            f"expected images and reconstructions of one shape (n, C, H, W), got "
            f"{tuple(images.shape)} and {tuple(reconstructions.shape)}"
        )
    error = (reconstructions - images).flatten(1).square()
    similarity = multiscale_structural_similarity_index_measure(
        reconstructions,
        images,
        kernel_size=KERNEL_SIZE,
        sigma=1.5,
        betas=scale_weights(min(images.shape[-2:])),
        reduction="none",
        data_range=1.0,
        normalize="relu",  # negative structure of a coarse scale has no real power
    )
    assert isinstance(similarity, Tensor)
    return Quality(error.mean(1), error.sum(1).sqrt(), similarity.reshape(len(images)))


def scale_weights(size: int) -> tuple[float, ...]:
    """Chooses the scales of MS-SSIM that an image has room for.

    Each scale halves the image, and the coarsest must hold the window of 11x11; of many scales
    torchmetrics wants still larger images. The weights of those left are divided by their sum.

    Args:
        size: The smaller side of the image.

    Returns:
        Weights, finest scale first.

    Raises:
        ValueError: When the image is smaller than the window.

    Example:
        >>> [round(weight, 4) for weight in scale_weights(64)]
        [0.0711, 0.453, 0.476]
        >>> len(scale_weights(256))
        5
    """
    if size < KERNEL_SIZE:
        raise ValueError(
            f"expected images of at least {KERNEL_SIZE}x{KERNEL_SIZE} pixels, got {size}"
        )
    fitting = [
        count
        for count in range(1, len(SCALE_WEIGHTS) + 1)
        if min(size >> (count - 1), size // max(1, count - 1) ** 2) >= KERNEL_SIZE
    ]
    kept = SCALE_WEIGHTS[: max(fitting)]
    return tuple(weight / sum(kept) for weight in kept)
