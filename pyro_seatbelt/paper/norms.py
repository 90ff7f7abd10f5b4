"""What beta does to the norms of the weights of a model."""

import math
from typing import NamedTuple

from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import DEEP, FLAT, Scale, Subject
from pyro_seatbelt.training.config import TrainConfig


class Change(NamedTuple):
    """What the largest beta does to a norm, beside the least.

    Attributes:
        percent: By how much it changes; NaN where one of them is not there.
        models: How many models that is from.
        layers: Their depth.
    """

    percent: float
    models: int
    layers: int | None


def norm_changes(results: Results, subject: Subject, side: str) -> dict[str, Change]:
    """Returns the change of a norm by model.

    Args:
        results: Where the runs are.
        subject: Their data.
        side: `encoder` or `decoder`.
    """
    found = {}
    for model in (FLAT, DEEP):
        configs = at_both_betas(results.scale, subject, model)
        norms = [results.number(config, f"weight_norm.{side}") for config in configs]
        models = sum(not math.isnan(norm) for norm in norms)
        if configs:
            low, high = norms
            found[model] = Change(100 * (high - low) / low, models, configs[0].layers)
    return found


def at_both_betas(scale: Scale, subject: Subject, model: str) -> list[TrainConfig]:
    """Returns the two models that are compared, the least beta first."""
    layers = (1,) if model == FLAT else subject.usual_layers
    return members(scale, subject, model, betas=subject.ends, layers=layers)
