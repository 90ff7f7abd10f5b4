"""Sprites as a source of images: drawn whenever they are gathered."""

from typing import Self

import torch
from torch import Tensor

from pyro_seatbelt.data.spec import check_ids
from pyro_seatbelt.data.subset import golden_stride
from pyro_seatbelt.drawn import sprites

_STRIDE = golden_stride(sprites.NUM_IMAGES)


class SpriteImages:
    """White shapes on black, drawn on the device whenever they are gathered.

    Image `n` is number `n * 455663 mod 737280` of the published order when only
    some are kept, so that any number of them covers all factors evenly; the
    whole set is in the published order.

    Args:
        num_images: How many to keep, from 1 to 737,280; None keeps all.
        device: Where they are drawn.

    Raises:
        InputError: If there are not so many.

    Example:
        >>> images = SpriteImages(100)
        >>> some = images.gather(torch.arange(3))
        >>> some.shape, some.unique().tolist()
        (torch.Size([3, 1, 64, 64]), [0, 255])
    """

    def __init__(
        self, num_images: int | None = None, *, device: torch.device | str = "cpu"
    ) -> None:
        self._num_images = check_ids(num_images, sprites.NUM_IMAGES, name="synth-dsprites")
        self._radii = sprites.shape_radii().to(device)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return (1, 64, 64)

    @property
    def device(self) -> torch.device:
        """Where images are drawn."""
        return self._radii.device

    def __len__(self) -> int:
        """Count the images."""
        return self._num_images

    def numbers(self, indices: Tensor) -> Tensor:
        """Return the numbers of images in the published order, int64."""
        whole = self._num_images == sprites.NUM_IMAGES
        return indices if whole else indices * _STRIDE % sprites.NUM_IMAGES

    def gather(self, indices: Tensor) -> Tensor:
        """Draw the images at these indices, 0 or 255, uint8, shape `(B, 1, 64, 64)`.

        Raises:
            IndexError: If an index is out of range; looked at only where that does not make an
                accelerator wait.
        """
        on_cpu = indices.device.type == "cpu" and len(indices) > 0
        if on_cpu and not 0 <= int(indices.min()) <= int(indices.max()) < len(self):
            raise IndexError(f"expected indices from 0 to {len(self) - 1}")
        return sprites.draw_sprites(self.numbers(indices.to(self.device)), self._radii)

    def to(self, device: torch.device | str) -> Self:
        """Return the same images, drawn on a device."""
        return type(self)(self._num_images, device=device)
