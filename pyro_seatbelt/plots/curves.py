"""How the numbers of a run went."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyro_seatbelt.plots.lines import Line, draw_lines, without_start
from pyro_seatbelt.plots.style import FONT_SIZE


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
    _draw(objective, "Objective", [_series(bound, records, "train", bound)])
    both = {"training": "train", "held out": "heldout"}
    _draw(elbo, "ELBO", [_series(name, records, kind, "elbo") for name, kind in both.items()])
    parts = [record.get("kl") for record in records]
    sites = sorted(
        {site for part in parts if isinstance(part, Mapping) for site in part}, key=_layer
    )
    _draw(kl, "KL per layer", [_series(site, records, "train", "kl", site) for site in sites])
    _draw(
        correlation,
        "Total correlation",
        [
            _series("training, estimated", records, "train", "total_correlation"),
            _series("held out, exact", records, "heldout", "total_correlation"),
        ],
    )
    for ax in (kl, correlation):
        ax.set_xlabel("step")
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _series(
    label: str,
    records: Sequence[Mapping[str, Any]],
    kind: str,
    name: str,
    site: str | None = None,
) -> Line:
    steps, values = [], []
    for record in records:
        if record["kind"] != kind:
            continue
        value = record.get(name)
        if site is not None:
            value = value.get(site) if isinstance(value, Mapping) else None
        if isinstance(value, int | float):  # a stranger may have written something else
            steps.append(record["step"])
            values.append(value)
    return Line(name=label, x=steps, y=values)


def _draw(ax: Axes, title: str, lines: Sequence[Line]) -> None:
    shown = without_start(lines)
    draw_lines(ax, shown)
    ax.set_title(title if shown == lines else f"{title}, without its first steps", fontsize=10)
    ax.set_ylabel("nats per image", fontsize=9)
    if ax.lines:
        ax.legend(fontsize=FONT_SIZE, frameon=False)


def _layer(site: str) -> tuple[int, str]:
    """Sorts z2 before z10."""
    return len(site), site
