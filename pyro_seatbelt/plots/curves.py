"""How the numbers of a run went."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Seven colours that colour-blind readers can tell apart (Okabe and Ito, 2008)."""

STYLES = ("-", "--", "-.", ":")
"""Line styles, which tell lines apart without colour too."""


def training_curves(records: Sequence[Mapping[str, Any]], *, title: str = "") -> Figure:
    """Draws objective, ELBO, KL of every layer and total correlation over the steps.

    Args:
        records: Records of a run's metrics, with `step` and `kind`; what they do not have is left
            out, and so are numbers that are None.
        title: A line above.

    Returns:
        The figure.

    Example:
        >>> records = [
        ...     {"step": step, "kind": "train", "elbo": -900 / step, "kl": {"z1": 3.0}}
        ...     for step in (1, 2, 3)
        ... ]
        >>> [ax.get_title() for ax in training_curves(records).axes]
        ['Objective', 'ELBO', 'KL per layer', 'Total correlation']
    """
    figure = Figure(figsize=(9, 6), layout="constrained")
    objective, elbo, kl, correlation = figure.subplots(2, 2, sharex=True).flat
    bound = "objective" if any("objective" in record for record in records) else "loss"
    _draw(objective, "Objective", {bound: _series(records, "train", bound)})
    both = {"training": "train", "held out": "heldout"}
    _draw(elbo, "ELBO", {name: _series(records, kind, "elbo") for name, kind in both.items()})
    sites = sorted({site for record in records for site in record.get("kl", {})}, key=_layer)
    _draw(kl, "KL per layer", {site: _series(records, "train", "kl", site) for site in sites})
    _draw(
        correlation,
        "Total correlation",
        {name: _series(records, kind, "total_correlation") for name, kind in both.items()},
    )
    for ax in (kl, correlation):
        ax.set_xlabel("step")
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _series(
    records: Sequence[Mapping[str, Any]], kind: str, name: str, site: str | None = None
) -> tuple[list[int], list[float]]:
    steps, values = [], []
    for record in records:
        if record["kind"] != kind:
            continue
        value = record.get(name)
        if site is not None and value is not None:
            value = value.get(site)
        if value is not None:
            steps.append(record["step"])
            values.append(value)
    return steps, values


def _draw(ax: Axes, title: str, lines: Mapping[str, tuple[list[int], list[float]]]) -> None:
    for number, (name, (steps, values)) in enumerate(lines.items()):
        if steps:
            ax.plot(
                steps,
                values,
                STYLES[number % len(STYLES)],
                color=COLOURS[number % len(COLOURS)],
                # a single point makes no line
                marker="o" if len(steps) < 30 else None,
                markersize=3,
                linewidth=1.2,
                label=name,
            )
    ax.set_title(title, fontsize=10)
    ax.set_ylabel("nats per image", fontsize=9)
    ax.grid(visible=True, alpha=0.25)
    _leave_out_the_start(ax, lines)
    if ax.lines:
        ax.legend(fontsize=8, frameon=False)


def _leave_out_the_start(ax: Axes, lines: Mapping[str, tuple[list[int], list[float]]]) -> None:
    """Scales the axis to all but the first twentieth, which is often far from the rest."""
    last = max((steps[-1] for steps, _ in lines.values() if steps), default=0)
    shown = [
        value
        for steps, values in lines.values()
        for step, value in zip(steps, values, strict=True)
        if step >= last / 20
    ]
    if len(shown) > 1 and max(shown) > min(shown):
        margin = 0.05 * (max(shown) - min(shown))
        ax.set_ylim(min(shown) - margin, max(shown) + margin)


def _layer(site: str) -> tuple[int, str]:
    """Sorts z2 before z10."""
    return len(site), site
