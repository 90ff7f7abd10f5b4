"""How noise spreads a number."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from pyro_seatbelt.plots.curves import COLOURS, STYLES

_BINS = 400


def smoothed_histograms(
    samples: Mapping[str, NDArray[np.floating]],
    *,
    xlabel: str = "",
    title: str = "",
) -> Figure:
    """Draws a smooth density for each of some samples, all on one axis.

    A histogram of 400 bins over the range of all samples, without the outermost thousandths,
    smoothed by a Gaussian of Silverman's width and normalised to an area of one.

    Args:
        samples: Numbers by what they are, shape `(n,)` each.
        xlabel: What the numbers are.
        title: A line above.

    Returns:
        The figure.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> figure = smoothed_histograms({"0": rng.normal(size=99), "1": rng.normal(size=99)})
        >>> len(figure.axes[0].lines)
        2
    """
    figure = Figure(figsize=(6.5, 3.8), layout="constrained")
    ax = figure.subplots()
    low = min(float(np.quantile(values, 0.001)) for values in samples.values())
    high = max(float(np.quantile(values, 0.999)) for values in samples.values())
    margin = 0.05 * (high - low) or 0.5
    edges = np.linspace(low - margin, high + margin, _BINS + 1)
    middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    for number, (name, values) in enumerate(samples.items()):
        counts = np.histogram(values, edges)[0]
        spread = min(
            float(values.std()), float(np.subtract(*np.quantile(values, [0.75, 0.25]))) / 1.34
        )
        bandwidth = 0.9 * (spread or float(values.std())) * len(values) ** -0.2
        smooth = gaussian_filter1d(
            counts.astype(float), max(bandwidth / width, 1.0), mode="constant"
        )
        density = smooth / (smooth.sum() * width or 1.0)
        colour = COLOURS[number % len(COLOURS)]
        ax.plot(
            middle,
            density,
            STYLES[number // len(COLOURS) % len(STYLES)],
            color=colour,
            linewidth=1.4,
            label=name,
        )
        ax.fill_between(middle, density, color=colour, alpha=0.12, linewidth=0)
    ax.set_xlabel(xlabel, fontsize=9)
    ax.set_ylabel("density", fontsize=9)
    ax.set_ylim(bottom=0)
    ax.grid(visible=True, alpha=0.25)
    ax.legend(fontsize=8, frameon=False)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure
