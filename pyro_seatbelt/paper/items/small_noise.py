"""What noise of less than the full magnitude does to the likelihood."""

import math
from collections.abc import Iterator

import pandas as pd

from pyro_seatbelt.paper.claims import Claim
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.noise import (
    all_noisy_models,
    log_likelihood,
    noisy_models,
    robustness_claims,
)
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.plots import Band, BandPanel, band_panels


def draw(results: Results) -> Drawn:
    """Draws the mean likelihood against the magnitude of the noise, a panel per model."""
    panels, records = [], []
    for name, configs in noisy_models(results.scale).items():
        lines = {}
        for config in configs:
            known = {
                level: value
                for level in results.scale.evaluation.scales
                if not math.isnan(value := log_likelihood(results, config, level))
            }
            if not known:
                continue
            unknown = [math.nan] * len(known)
            levels, means = list(known), list(known.values())
            lines[f"β = {config.beta:g}"] = Band(levels, means, unknown, unknown)
            records += [
                {
                    "dataset": config.dataset,
                    "model": config.model,
                    "layers": config.layers,
                    "beta": config.beta,
                    "noise": level,
                    "mean": value,
                }
                for level, value in known.items()
            ]
        panels.append(BandPanel(name, "log p(x | z*) [nats]", lines))
    figure = band_panels(
        panels,
        xlabel="noise (data from -1 to 1)",
        columns=3,
        title=results.scale.subjects["celeba"].dataset,
    )
    return Drawn({"small-noise": figure}, {"small-noise": pd.DataFrame(records)})


def claims(results: Results) -> Iterator[Claim]:
    """The same as at the full magnitude."""
    for level in results.scale.evaluation.noise_scales:
        if 0 < level < 1:
            yield from robustness_claims(results, level)


ITEM = Item(
    name="small-noise",
    roles=("celeba",),
    configs=all_noisy_models,
    draw=draw,
    claims=claims,
)
