"""What an attack does to an input, as in the paper's Figure 1."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyro_seatbelt.plots.image_grid import show_image

PANELS = (
    "input",
    "reconstruction",
    "adversarial input",
    "distortion (normalised)",
    "adversarial reconstruction",
    "target",
)
"""What is shown of each pair, in the order of the paper's caption."""


def attack_panels(
    inputs: NDArray[np.floating],
    reconstructions: NDArray[np.floating],
    adversarial: NDArray[np.floating],
    distortions: NDArray[np.floating],
    adversarial_reconstructions: NDArray[np.floating],
    targets: NDArray[np.floating] | None,
    *,
    labels: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Draws six images for each pair, one pair per row, in the order of the paper's caption.

    A distortion is scaled by its largest absolute pixel: grey is none, white is brighter, black
    is darker (for colours, channel by channel).

    Args:
        inputs: Pixels in [0, 1], shape `(B, C, H, W)` with C = 1 or 3.
        reconstructions: Of the inputs.
        adversarial: The adversarial inputs.
        distortions: The adversarial inputs less the inputs.
        adversarial_reconstructions: Of the adversarial inputs.
        targets: What they were to become; None for no sixth image.
        labels: A line beside each pair.
        title: A line above.

    Returns:
        The figure.

    Raises:
        ValueError: If the shapes do not fit.

    References:
        | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Figure 1

    Example:
        >>> images = np.random.default_rng(0).random((2, 1, 8, 8))
        >>> figure = attack_panels(images, images, images, images, images, images)
        >>> [ax.get_title() for ax in figure.axes[:2]]
        ['input', 'reconstruction']
    """
    columns = (
        inputs,
        reconstructions,
        adversarial,
        normalised(distortions),
        adversarial_reconstructions,
        *([] if targets is None else [targets]),
    )
    names = PANELS[: len(columns)]
    for name, batch in zip(names, columns, strict=True):
        if batch.shape != inputs.shape or batch.ndim != 4 or batch.shape[1] not in {1, 3}:
            raise ValueError(
                f"expected {name} images of shape (B, C, H, W) with C = 1 or 3, all alike, got "
                f"{batch.shape} beside {inputs.shape}"
            )
    num = len(inputs)
    figure = Figure(figsize=(8.2, 1.3 * num + 0.7), layout="constrained")
    axes = figure.subplots(num, len(columns), squeeze=False)
    for row in range(num):
        for ax, name, batch in zip(axes[row], names, columns, strict=True):
            show_image(ax, batch[row].transpose(1, 2, 0), frame=True)
            if row == 0:
                ax.set_title(name.replace(" ", "\n", 1), fontsize=9)
        if labels is not None:
            axes[row, 0].set_ylabel(labels[row], fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def normalised(distortions: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scales each distortion so that it can be seen: 0 becomes 0.5, the largest pixel 0 or 1.

    Args:
        distortions: Shape `(B, C, H, W)`.

    Example:
        >>> normalised(np.array([[[[0.0, 0.01, -0.02]]]])).tolist()
        [[[[0.5, 0.75, 0.0]]]]
    """
    largest = np.abs(distortions).max(axis=(1, 2, 3), keepdims=True)
    scaled: NDArray[np.floating] = 0.5 + 0.5 * distortions / np.where(largest > 0, largest, 1)
    return scaled
