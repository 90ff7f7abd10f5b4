"""`synth-dsprites`: 737,280 little shapes, drawn when they are asked for."""

import math
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.data.spread import golden_stride
from pyro_seatbelt.drawn.sprite_outlines import ellipse, heart, square, squared_radii
from pyro_seatbelt.errors import InputError

NAME = "synth-dsprites"
FACTORS = ("shape", "scale", "orientation", "position_x", "position_y")
FACTOR_SIZES = (3, 6, 40, 32, 32)
NUM_IMAGES = math.prod(FACTOR_SIZES)
IMAGE_SHAPE = (1, 64, 64)
VERSION = "1"

_NUM_DIRECTIONS = 2048
_WINDOW = 30  # the largest shape, turned any way, fits
_STRIDE = golden_stride(NUM_IMAGES)
_SAMPLE = 1024


class SpriteImages:
    """White shapes on black, drawn on the device whenever they are gathered.

    Image `n` is number `n * 455663 mod 737280` of the published order when only
    some are kept, so that any number of them covers all factors evenly; the
    whole set is in the published order. Some pixels on the edges of shapes differ
    from the published file, and a few between kinds of devices.

    Args:
        num_images: How many to keep, from 1 to 737,280; None keeps all.
        device: Where they are drawn.

    Raises:
        InputError: If there are not so many.

    References:
        | dSprites: Disentanglement testing Sprites dataset (Matthey et al., 2017)
        | https://github.com/google-deepmind/dsprites-dataset

    Example:
        >>> images = SpriteImages(100)
        >>> sprites = images.gather(torch.arange(3))
        >>> sprites.shape, sprites.unique().tolist()
        (torch.Size([3, 1, 64, 64]), [0, 255])
    """

    def __init__(
        self, num_images: int | None = None, *, device: torch.device | str = "cpu"
    ) -> None:
        if num_images is not None and not 1 <= num_images <= NUM_IMAGES:
            raise InputError(f"expected ids from 1 to {NUM_IMAGES} for {NAME}, got {num_images}")
        self._num_images = NUM_IMAGES if num_images is None else num_images
        self._device = torch.device(device)
        outlines = (square(), ellipse(), heart())
        radii = torch.cat([squared_radii(outline, _NUM_DIRECTIONS) for outline in outlines])
        self._squared_radii = radii.to(self._device)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return IMAGE_SHAPE

    @property
    def device(self) -> torch.device:
        """Where images are drawn."""
        return self._device

    def __len__(self) -> int:
        """Count the images."""
        return self._num_images

    def numbers(self, indices: Tensor) -> Tensor:
        """Return the numbers of images in the published order, int64."""
        return indices if self._num_images == NUM_IMAGES else indices * _STRIDE % NUM_IMAGES

    def gather(self, indices: Tensor) -> Tensor:
        """Draw the images at these indices, 0 or 255, uint8, shape `(B, 1, 64, 64)`.

        Raises:
            IndexError: If an index is out of range; looked at only where that does not make an
                accelerator wait.
        """
        on_cpu = indices.device.type == "cpu" and len(indices) > 0
        if on_cpu and not 0 <= int(indices.min()) <= int(indices.max()) < len(self):
            raise IndexError(f"expected indices from 0 to {len(self) - 1}")
        factors = sprite_factors(self.numbers(indices.to(self._device)))
        shape, scale_class, orientation, column, row = factors.unbind(-1)
        scale = 0.5 + 0.1 * scale_class.float()
        angle = orientation.float() * (2 * math.pi / 39)
        x, y = 16 + column * (32 / 31), 16 + row * (32 / 31)
        left, top = (x - _WINDOW / 2).floor().long(), (y - _WINDOW / 2).floor().long()
        step = torch.arange(_WINDOW, device=self._device)
        columns, rows = left[:, None] + step, top[:, None] + step  # (B, W)
        dx = (columns + 0.5 - x[:, None]) / scale[:, None]
        dy = (rows + 0.5 - y[:, None]) / scale[:, None]
        # turn back into the shape's own frame
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        u = (cos * dx)[:, None, :] - (sin * dy)[:, :, None]  # (B, W, W)
        v = (sin * dx)[:, None, :] + (cos * dy)[:, :, None]
        # in place: fresh memory for two million numbers costs more than the arithmetic
        sector = torch.atan2(v, u).add_(math.pi).mul_(_NUM_DIRECTIONS / (2 * math.pi)).long()
        sector.clamp_(0, _NUM_DIRECTIONS - 1).add_((shape * _NUM_DIRECTIONS)[:, None, None])
        inside = u.square_().add_(v.square_()) < self._squared_radii[sector]
        images = torch.zeros(len(indices), 64 * 64, dtype=torch.uint8, device=self._device)
        pixels = (rows * 64)[:, :, None] + columns[:, None, :]
        images.scatter_(1, pixels.flatten(1), inside.flatten(1).to(torch.uint8) * 255)
        return images.view(-1, *IMAGE_SHAPE)

    def to(self, device: torch.device | str) -> Self:
        """Return the same images, drawn on a device."""
        return type(self)(self._num_images, device=device)


def sprite_factors(numbers: Tensor) -> Tensor:
    """Return the factors of images by their numbers in the published order.

    The published factor `color`, which has one value, is left out.

    Args:
        numbers: Image numbers, int64, shape `(B,)`.

    Returns:
        Class numbers in the order of :data:`FACTORS`, int64, shape `(B, 5)`.

    Example:
        >>> sprite_factors(torch.tensor([0, 1, 32, 737279])).tolist()
        [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 0], [2, 5, 39, 31, 31]]
    """
    classes = []
    for size in reversed(FACTOR_SIZES):
        classes.append(numbers % size)
        numbers = numbers // size
    return torch.stack(classes[::-1], -1)


def load_synth_dsprites(request: LoadRequest) -> ImageDataset:
    """Open the sprites; nothing is stored.

    Every image is an identity of its own. The fingerprint covers the version, the
    number of images and a fixed sample of them.

    Args:
        request: What is wanted; `ids` keeps so many images, spread evenly over all factors.

    Returns:
        The data set.

    Raises:
        InputError: If there are not so many images.

    Example:
        >>> from pathlib import Path
        >>> load_synth_dsprites(LoadRequest(root=Path(), ids=1000)).num_images
        1000
    """
    images = SpriteImages(request.ids)
    indices = torch.arange(len(images))
    factors: NDArray[np.int64] = sprite_factors(images.numbers(indices)).numpy()
    sample = images.gather(indices[:: max(1, len(images) // _SAMPLE)])
    return ImageDataset(
        name=NAME,
        images=images,
        identities=indices.numpy(),
        factors={name: factors[:, column] for column, name in enumerate(FACTORS)},
        fingerprint=fingerprint(NAME, f"{VERSION} of {len(images)}", sample.numpy()),
        provenance={"generator_version": VERSION, "images": len(images)},
        synthetic=True,
    )
