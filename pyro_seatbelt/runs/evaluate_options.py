"""What to measure of a trained run."""

import math
from dataclasses import dataclass

from pyro_seatbelt.errors import InputError

MOST_AGGREGATE_IMAGES = 20_000
"""Training images in the aggregate posterior unless more are asked for."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What to measure, and on how many images.

    Attributes:
        images: Held-out images, evenly spread; all of them if there are fewer.
        aggregate_images: Training images in the aggregate posterior, evenly spread; None for all
            of them, at most 20,000.
        iwae_samples: Draws an image of the importance-weighted bound.
        noise_scales: Standard deviations of Gaussian noise, on data from -1 to 1; 0 is always
            measured.
        seed: Of draws and noise.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        force: Whether to make a finished evaluation again.
        figures: Whether to draw figures.

    Raises:
        InputError: If a number is out of its bounds.
    """

    images: int = 2048
    aggregate_images: int | None = None
    iwae_samples: int = 64
    noise_scales: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 1.0)
    seed: int = 0
    device: str = "auto"
    force: bool = False
    figures: bool = True

    def __post_init__(self) -> None:
        """Check what a user may have given."""
        for name, least in (("images", 2), ("aggregate_images", 2), ("iwae_samples", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"expected {name} >= {least}, got {value}")
        for scale in self.noise_scales:
            if not 0 <= scale < math.inf:
                raise InputError(f"expected finite noise scales >= 0, got {scale:g}")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"expected seed >= 0 and below 2^63, got {self.seed}")

    def counts(self, num_heldout: int, num_train: int) -> tuple[int, int]:
        """Counts the images that are looked at.

        Args:
            num_heldout: Held-out images that there are.
            num_train: Training images that there are.

        Returns:
            How many of either.

        Example:
            >>> EvaluateOptions(images=100).counts(50, 1_000_000)
            (50, 20000)
        """
        aggregate = self.aggregate_images or MOST_AGGREGATE_IMAGES
        return min(self.images, num_heldout), min(aggregate, num_train)

    @property
    def scales(self) -> tuple[float, ...]:
        """The scales of the noise, ascending, 0 first."""
        return tuple(sorted({0.0, *map(float, self.noise_scales)}))
