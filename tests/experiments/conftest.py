"""Small runs on a few drawn chairs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pyro_seatbelt.training import TrainConfig


@pytest.fixture(autouse=True)
def _in_the_workplace(workplace: Path) -> None:
    pass


@pytest.fixture
def make_config() -> Callable[..., TrainConfig]:
    def make(**changes: object) -> TrainConfig:
        small = {
            "ids": 2,
            "holdout": 0.5,
            "layers": 2,
            "latent_dim": 2,
            "hidden": 8,
            "steps": 4,
            "batch_size": 4,
            "warmup_steps": 3,
            "log_every": 2,
            "eval_every": 3,
            "eval_images": 4,
            "checkpoint_every": 2,
            "device": "cpu",
        }
        return TrainConfig.merge(small, changes)

    return make
