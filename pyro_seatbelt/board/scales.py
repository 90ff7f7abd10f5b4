"""How large a board is: one data set, one budget, so many seeds, one protocol."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs.robustness_options import RobustnessOptions

ScaleName = Literal["smoke", "laptop", "workstation"]


@dataclass(frozen=True, kw_only=True)
class BoardScale:
    """What every entry gets.

    Attributes:
        name: Its name, and that of its folder.
        title: What it is, in a line.
        fields: Settings of every run.
        seeds: How many runs an entry has.
        robustness: How they are attacked.
    """

    name: ScaleName
    title: str
    fields: Mapping[str, Any]
    seeds: int
    robustness: RobustnessOptions


SCALES: dict[str, BoardScale] = {
    scale.name: scale
    for scale in (
        BoardScale(
            name="smoke",
            title="a dozen steps of tiny networks: shows that everything runs, and nothing else",
            fields={
                "dataset": "synth-chairs",
                "ids": 4,
                "holdout": 0.5,
                "network": "mlp",
                "hidden": 16,
                "features": 32,
                "latent_dim": 2,
                "steps": 12,
                "batch_size": 16,
                "log_every": 4,
                "eval_every": 12,
                "eval_images": 8,
                "checkpoint_every": 12,
                "keep_checkpoints": 1,
                "device": "cpu",
            },
            seeds=2,
            robustness=RobustnessOptions(
                modes=("output",),
                pairs=2,
                penalties=2,
                max_iterations=2,
                norms=(0.5,),
                draws=2,
                images=4,
                device="cpu",
                figures=False,
            ),
        ),
        BoardScale(
            name="laptop",
            title="400 steps on 150 drawn chairs, 10 pairs: about an hour on 2 cores",
            fields={
                "dataset": "synth-chairs",
                "ids": 150,
                "steps": 400,
                "batch_size": 64,
                "warmup_steps": 100,
                "eval_every": 400,
                "eval_images": 512,
                "checkpoint_every": 400,
                "keep_checkpoints": 1,
            },
            seeds=3,
            robustness=RobustnessOptions(
                modes=("w2", "output"),
                pairs=10,
                penalties=3,
                max_iterations=60,
                norms=(0.1, 0.25),
                draws=16,
                images=256,
                figures=False,
            ),
        ),
        BoardScale(
            name="workstation",
            title="4000 steps on 600 drawn chairs, 20 pairs and every attack: for a GPU",
            fields={
                "dataset": "synth-chairs",
                "ids": 600,
                "steps": 4000,
                "batch_size": 128,
                "warmup_steps": 500,
                "eval_every": 1000,
                "checkpoint_every": 500,
                "keep_checkpoints": 1,
            },
            seeds=5,
            robustness=RobustnessOptions(pairs=20, health=True, figures=False),
        ),
    )
}
"""The scales by name."""

assert tuple(SCALES) == get_args(ScaleName)


def scale_named(name: str) -> BoardScale:
    """Returns a scale.

    Args:
        name: `smoke`, `laptop` or `workstation`.

    Raises:
        InputError: If there is no such scale.

    Example:
        >>> scale_named("laptop").seeds
        3
    """
    if name not in SCALES:
        raise InputError(f"expected a scale of {', '.join(SCALES)}, got {name!r}")
    return SCALES[name]
