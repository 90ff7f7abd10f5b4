"""What to measure of a trained run."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pyro_seatbelt.options import Device, Expected, Flag, Options

MOST_AGGREGATE_IMAGES = 20_000
"""Training images that disentanglement is measured on unless more are asked for."""


class EvaluateOptions(Options):
    """What to measure, and on how many images.

    Fields are documented by their descriptions, which are also the help texts of
    ``seatbelt evaluate``. Images are evenly spread. Noise of scale 0 is always measured.

    Raises:
        InputError: If a name is unknown or a value is out of its bounds.

    Example:
        >>> EvaluateOptions(images=100, noise_scales=[2]).scales
        (0.0, 2.0)
    """

    noun: ClassVar[str] = "option of an evaluation"

    images: Annotated[int, Field(ge=2, description="Held-out images at most.")] = 2048
    aggregate_images: Annotated[
        int | None,
        Field(
            ge=2,
            description="Training images that disentanglement is measured on, by default all, "
            f"at most {MOST_AGGREGATE_IMAGES}.",
        ),
    ] = None
    iwae_samples: Annotated[
        int,
        Field(ge=1, le=10**6, description="Draws per image of the importance-weighted bound."),
    ] = 64
    noise_scales: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...],
        Flag("--noise"),
        Expected("finite noise scales >= 0"),
        Field(description="Scale of Gaussian noise, on data from -1 to 1."),
    ] = (0.0, 0.1, 0.25, 0.5, 1.0)
    seed: Annotated[
        int,
        Expected(">= 0 and below 2^63"),
        Field(ge=0, lt=2**63, description="Of draws and noise."),
    ] = 0
    precision: Annotated[
        Literal["float32", "float64"],
        Field(
            description="Arithmetic: that of training, or float64 as a reference for it. Draws are "
            "others.",
            exclude_if=lambda value: value == "float32",  # as before there was a choice
        ),
    ] = "float32"
    device: Device = "auto"
    force: Annotated[
        bool, Flag("--force"), Field(description="Make a finished evaluation again.", exclude=True)
    ] = False
    figures: Annotated[bool, Field(description="Draw figures.")] = True

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
