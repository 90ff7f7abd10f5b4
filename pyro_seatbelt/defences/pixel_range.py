"""The range of the pixels, which nothing that a guide is shown leaves."""

from typing import NamedTuple

from torch import Tensor

from pyro_seatbelt.errors import InputError


class PixelRange(NamedTuple):
    """The least and the largest value of a pixel.

    Example:
        >>> import torch
        >>> PixelRange().clamp(torch.tensor([-0.5, 0.25, 1.5]))
        tensor([0.0000, 0.2500, 1.0000])
    """

    lower: float = 0.0
    upper: float = 1.0

    def clamp(self, x: Tensor) -> Tensor:
        """Moves pixels into the range."""
        return x.clamp(self.lower, self.upper)

    def check(self, x: Tensor) -> None:
        """Finds out whether images are within the range.

        Args:
            x: Images.

        Raises:
            InputError: When a pixel is outside.
        """
        low, high = (each.item() for each in x.aminmax())
        if low < self.lower or high > self.upper:
            raise InputError(
                f"expected pixels in [{self.lower:g}, {self.upper:g}], got some from {low:g} to "
                f"{high:g}: scale the images, or give their range as pixels="
            )
