"""A whole and its parts."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from pyro_seatbelt.plots.style import COLOURS, FONT_SIZE, add_legend


def stacked_bar(
    parts: Mapping[str, float], *, xlabel: str, size: tuple[float, float] = (6.5, 1.4)
) -> Figure:
    """Draws parts end to end, in one bar.

    Args:
        parts: Sizes by name; one below zero, as estimates of what is small may be, has no width.
        xlabel: What they are, with their unit.
        size: Width and height in inches.

    Returns:
        The figure.

    Example:
        >>> figure = stacked_bar({"KL of z1": 3.0, "KL of z2": 1.0}, xlabel="nats per image")
        >>> [float(bar.get_x()) for bar in figure.axes[0].patches]
        [0.0, 3.0]
    """
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.subplots()
    end = 0.0
    for number, part in enumerate(parts.values()):
        width = max(0.0, part)
        colour = COLOURS[number % len(COLOURS)]
        ax.barh(0, width, left=end, color=colour, linewidth=0)
        end += width
    ax.set_xlim(0, end or 1)
    ax.set_yticks([])
    ax.set_xlabel(xlabel, fontsize=FONT_SIZE)
    ax.tick_params(labelsize=FONT_SIZE)
    for side in ("left", "top", "right"):
        ax.spines[side].set_visible(False)
    add_legend(figure, list(parts), ax.patches, above=True)
    return figure
