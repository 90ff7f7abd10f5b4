"""How the training of a run went."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pyro_seatbelt.plots.lines import Line
from pyro_seatbelt.report.charts import Chart
from pyro_seatbelt.report.contents import number
from pyro_seatbelt.report.parts import KL_PARTS, NATS


def training_charts(metrics: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Draws how training went.

    Args:
        metrics: The records of the run.

    Returns:
        Objective and ELBO, the KL of every layer, the parts of the top layer's.
    """
    sites = sorted(
        {site for record in metrics for site in _by_site(record)},
        key=lambda site: (len(site), site),
    )
    bound = [series(metrics, "train", "elbo", "ELBO, training")]
    bound += [series(metrics, "heldout", "elbo", "ELBO, held out")]
    bound += [series(metrics, "train", "objective", "objective, training")]
    charts = [
        Chart(
            title="Objective and ELBO",
            x_label="step",
            y_label=NATS,
            lines=[line for line in bound if line.x],
            skip_start=True,
        ),
        Chart(
            title="KL of every layer, training",
            x_label="step",
            y_label=NATS,
            lines=[line for site in sites if (line := _site_series(metrics, site)).x],
            skip_start=True,
        ),
        Chart(
            title="Parts of the top layer\u2019s KL, training",
            x_label="step",
            y_label=NATS,
            lines=[
                line
                for name, label in KL_PARTS.items()
                if (line := series(metrics, "train", name, label)).x
            ],
            note="Stratified estimates from minibatches.",
            skip_start=True,
        ),
    ]
    return [chart for chart in charts if chart.lines]


def series(metrics: Sequence[Mapping[str, Any]], kind: str, name: str, label: str) -> Line:
    """A number over the steps.

    Args:
        metrics: The records of a run.
        kind: `train` or `heldout`.
        name: Of the number.
        label: What the line is called.
    """
    points = [
        (float(record["step"]), number(record.get(name)))
        for record in metrics
        if record["kind"] == kind and math.isfinite(number(record.get(name)))
    ]
    return Line(name=label, x=[step for step, _ in points], y=[value for _, value in points])


def _site_series(metrics: Sequence[Mapping[str, Any]], site: str) -> Line:
    records = [{**record, site: _by_site(record).get(site)} for record in metrics]
    return series(records, "train", site, site)


def _by_site(record: Mapping[str, Any]) -> Mapping[str, Any]:
    kl = record.get("kl")
    return kl if isinstance(kl, dict) and record["kind"] == "train" else {}
