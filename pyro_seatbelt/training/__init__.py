"""Training: configuration, the loop, checkpoints and metrics."""

import importlib
from typing import TYPE_CHECKING, Any

from pyro_seatbelt.training.config import TrainConfig

if TYPE_CHECKING:
    from pyro_seatbelt.training.checkpoint import (
        Checkpoint,
        load_checkpoint,
        save_checkpoint,
    )
    from pyro_seatbelt.training.divergence import TrainingDiverged
    from pyro_seatbelt.training.layout import checkpoints
    from pyro_seatbelt.training.loop import Outcome, fit
    from pyro_seatbelt.training.schedules import LinearWarmup

__all__ = [
    "Checkpoint",
    "LinearWarmup",
    "Outcome",
    "TrainConfig",
    "TrainingDiverged",
    "checkpoints",
    "fit",
    "load_checkpoint",
    "save_checkpoint",
]

_HOMES = {
    "Checkpoint": "checkpoint",
    "LinearWarmup": "schedules",
    "Outcome": "loop",
    "TrainingDiverged": "divergence",
    "checkpoints": "layout",
    "fit": "loop",
    "load_checkpoint": "checkpoint",
    "save_checkpoint": "checkpoint",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
