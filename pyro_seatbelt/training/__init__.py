"""Training: configuration, the loop, checkpoints and metrics."""

from typing import TYPE_CHECKING

from pyro_seatbelt.lazy import lazily
from pyro_seatbelt.training.config import TrainConfig

if TYPE_CHECKING:
    from pyro_seatbelt.training.callbacks import Callback, EarlyStopping
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
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "LinearWarmup",
    "Outcome",
    "TrainConfig",
    "TrainingDiverged",
    "checkpoints",
    "fit",
    "load_checkpoint",
    "save_checkpoint",
]

# these need torch, which takes a second to import
__getattr__ = lazily(
    __name__,
    {
        "callbacks": ["Callback", "EarlyStopping"],
        "checkpoint": ["Checkpoint", "load_checkpoint", "save_checkpoint"],
        "divergence": ["TrainingDiverged"],
        "layout": ["checkpoints"],
        "loop": ["Outcome", "fit"],
        "schedules": ["LinearWarmup"],
    },
)
