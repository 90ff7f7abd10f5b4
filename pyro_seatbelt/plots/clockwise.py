"""Attacks on several models side by side, laid out as in the paper's Figure 1."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyro_seatbelt.plots.attack_panels import PANELS, normalised
from pyro_seatbelt.plots.image_grid import image_grid, show_image

_PLACES = (0, 1, 2, 5, 4, 3)
"""What comes first, second and so on, row by row: the order is clockwise."""


class Attacked(NamedTuple):
    """One attack, as images of shape `(C, H, W)` with C = 1 or 3, pixels in [0, 1].

    Attributes:
        input: The initial input.
        reconstruction: Of the input.
        adversarial: The adversarial input.
        distortion: The adversarial input less the input.
        adversarial_reconstruction: Of the adversarial input.
        target: What it was to become.
        note: A few words below.
    """

    input: NDArray[np.floating]
    reconstruction: NDArray[np.floating]
    adversarial: NDArray[np.floating]
    distortion: NDArray[np.floating]
    adversarial_reconstruction: NDArray[np.floating]
    target: NDArray[np.floating]
    note: str = ""


def clockwise_panels(
    rows: Mapping[str, Sequence[Attacked | None]], *, columns: Sequence[str], title: str = ""
) -> Figure:
    """Draws a plot of six images for each model and data set.

    Clockwise: the input, its reconstruction, the adversarial input, the distortion (scaled by its
    largest pixel: grey is none), the reconstruction of the adversarial input, the target.

    Args:
        rows: Attacks by name of the model, one for each column; None where there is none.
        columns: Names of the columns.
        title: A line above.

    Returns:
        The figure.

    Raises:
        ValueError: If a row has another number of attacks than there are columns.

    References:
        | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Figure 1

    Example:
        >>> image = np.zeros((1, 8, 8))
        >>> one = Attacked(image, image, image, image, image, image)
        >>> figure = clockwise_panels({"VAE": [one, None]}, columns=["chairs", "faces"])
        >>> [ax.get_title() for ax in figure.axes]
        ['chairs', 'faces']
    """
    for name, attacks in rows.items():
        if len(attacks) != len(columns):
            raise ValueError(f"expected {len(columns)} attacks on {name}, got {len(attacks)}")
    figure = Figure(
        figsize=(2.6 * len(columns) + 1.2, 1.95 * len(rows) + 0.6), layout="constrained"
    )
    grid = figure.subplots(len(rows), len(columns), squeeze=False)
    known = [_block(each) for attacks in rows.values() for each in attacks if each is not None]
    blank = np.ones((*known[0].shape[:2], 1) if known else (2, 3, 1))
    for axes, (name, attacks) in zip(grid, rows.items(), strict=True):
        for ax, attacked in zip(axes, attacks, strict=True):
            if attacked is None:
                show_image(ax, blank)
                ax.text(
                    0.5, 0.5, "no run", ha="center", transform=ax.transAxes, va="center", fontsize=9
                )
                continue
            show_image(ax, _block(attacked))
            ax.set_xlabel(attacked.note, fontsize=8)
        axes[0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
    for ax, name in zip(grid[0], columns, strict=True):
        ax.set_title(name, fontsize=10)
    caption = f"clockwise from the upper left: {', '.join(PANELS)}"
    figure.supxlabel(textwrap.fill(caption, 12 + 38 * len(columns)), fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _block(attacked: Attacked) -> NDArray[np.floating]:
    """Lays six images on grey, three in each of two rows."""
    images = [*attacked[:3], normalised(attacked.distortion[None])[0], *attacked[4:6]]
    in_rows = np.stack([images[place] for place in _PLACES])
    return image_grid(in_rows, columns=3, gap=2, background=0.8)
