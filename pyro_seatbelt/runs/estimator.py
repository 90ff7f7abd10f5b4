"""A trained pair by the verbs of scikit-learn: arrays in, arrays out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pyro import poutine
from torch import Tensor

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation.batches import pixel_dtype
from pyro_seatbelt.evaluation.importance import weighted_draws
from pyro_seatbelt.models import Hierarchy, ImageShape
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.posteriors import posterior_means
from pyro_seatbelt.traces.programs import Program, modules_of

_ROWS = 256
"""Images of one pass through the networks."""


def transform(
    guide: Program, images: ArrayLike, image_shape: ImageShape, latents: Sequence[str]
) -> NDArray[np.float32]:
    """Gives the posterior means of images.

    Args:
        guide: The guide.
        images: As :func:`read_images` has them.
        image_shape: Channels, height and width.
        latents: The layers.

    Returns:
        The means of all layers side by side, in their order, shape `(n, D)`.
    """
    parts = []
    for x in read_images(images, image_shape, guide).split(_ROWS):
        means = posterior_means(guide, x)
        parts.append(torch.cat([means[name] for name in latents], 1))
    return _array(torch.cat(parts))


def inverse_transform(
    model: Hierarchy, latents: ArrayLike, image_shape: ImageShape
) -> NDArray[np.float32]:
    """Gives the mean images of latents.

    Args:
        model: The model.
        latents: All layers side by side, the lowest first, shape `(n, D)`.
        image_shape: Channels, height and width.

    Returns:
        Pixels, shape `(n, C, H, W)`.

    Raises:
        InputError: When they are no finite numbers, or too many or few.
    """
    z = _finite("latents", latents)
    with evaluation_mode(model, seed=0):
        prior: Any = poutine.trace(model).get_trace().nodes
        lengths = [prior[name]["value"].shape[-1] for name in model.latents]
        if z.ndim != 2 or not len(z) or z.shape[1] != sum(lengths):
            raise InputError(
                f"expected latents of shape (n, {sum(lengths)}), got {tuple(z.shape)}: "
                f"{', '.join(model.latents)} side by side"
            )
        parts = []
        for some in _tensor(z, model).split(_ROWS):
            data = dict(zip(model.latents, some.split(lengths, 1), strict=True))
            program = poutine.condition(model, data=data)
            nodes: Any = poutine.trace(program).get_trace(num_images=len(some)).nodes
            parts.append(nodes[model.image]["fn"].mean)
    return _array(torch.cat(parts)).reshape(-1, *image_shape)


def score(
    model: Program,
    guide: Program,
    images: ArrayLike,
    image_shape: ImageShape,
    *,
    num_draws: int,
    seed: int,
) -> float:
    """Estimates the ELBO of images at weights 1 from draws of the latents.

    Args:
        model: The model.
        guide: A guide whose draws have a density.
        images: As :func:`read_images` has them.
        image_shape: Channels, height and width.
        num_draws: Draws for each image.
        seed: Seeds the draws; the global generators are left alone.

    Returns:
        The mean over images, in nats per image.

    Raises:
        InputError: Without a draw.
    """
    if num_draws < 1:
        raise InputError(f"expected num_draws >= 1, got {num_draws}")
    pixels, total = read_images(images, image_shape, guide), 0.0
    with evaluation_mode(model, guide, seed=seed):
        for x in pixels.split(_ROWS):
            weight = weighted_draws(model, guide, x, num_draws, keep=False).log_weight
            total += weight.double().mean(0).sum().item()
    return total / len(pixels)


def read_images(images: ArrayLike, image_shape: ImageShape, guide: Program) -> Tensor:
    """Reads an array of images.

    Args:
        images: Pixels in [0, 1], or from 0 to 255 as uint8: shape `(n, C, H, W)`, `(n, C * H * W)`
            or, of one channel, `(n, H, W)`.
        image_shape: Channels, height and width.
        guide: Where and as what type of number they are wanted.

    Returns:
        Pixels in [0, 1], shape `(n, C, H, W)`.

    Raises:
        InputError: When they are of another shape, or not in the range.
    """
    array = np.asarray(images)
    grey = array.dtype == np.uint8
    array = _finite("images", array)
    channels, height, width = image_shape
    known = {image_shape, (channels * height * width,)}
    if channels == 1:
        known.add((height, width))
    if not len(array) or array.shape[1:] not in known:
        shapes = " or ".join(f"(n, {', '.join(map(str, each))})" for each in sorted(known, key=len))
        raise InputError(f"expected images of shape {shapes}, got {array.shape}")
    if grey:
        array = array / 255
    if array.min() < 0 or array.max() > 1:
        raise InputError(
            "expected pixels in [0, 1], or uint8 from 0 to 255, got "
            f"[{array.min():g}, {array.max():g}] of {array.dtype}"
        )
    return _tensor(array, guide).view(-1, *image_shape)


def _finite(what: str, values: ArrayLike) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"expected {what} as an array of numbers: {error}") from error
    if array.ndim == 0 or not np.isfinite(array).all():
        raise InputError(f"expected {what} as an array of finite numbers")
    return array


def _tensor(array: NDArray[np.float64], program: Program) -> Tensor:
    """Brings an array to where a program computes, in its type of number."""
    parameters = (p for module in modules_of(program) for p in module.parameters())
    device = next((p.device for p in parameters), torch.device("cpu"))
    return torch.from_numpy(array).to(device, pixel_dtype(program))


def _array(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.detach().cpu().float().numpy()
    return array
