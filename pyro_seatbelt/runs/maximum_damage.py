"""Distortions of a given size that move a run's reconstructions as far as they can."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyro_seatbelt.attacks import PGD, Attack, Ball, Layers, Mode
from pyro_seatbelt.attacks.objectives import make_objective
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.runs.open import Run
from pyro_seatbelt.traces.coverage import l2_norms
from pyro_seatbelt.traces.reconstruction import reconstruct

STEPS = 20
"""Steps of projected gradient descent."""


def maximum_damage(
    run: Run,
    x: Tensor,
    radius: float,
    layers: Mapping[Mode, Layers],
    *,
    samples: int = 1,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[Tensor, NDArray[np.float64]]:
    """Attacks without a target in L2 balls, and keeps for each input what moves it furthest.

    Args:
        run: The run.
        x: The inputs, pixels in [0, 1], shape `(B, *image)`.
        radius: The radius of the ball around each, in units of pixels.
        layers: The layers that each mode looks at, of the modes of which the best counts.
        samples: Draws that a distance is averaged over; more than one are drawn anew in each step.
        seed: Seeds noise and starts.
        progress: Is told how many attacks are done.

    Returns:
        The distorted inputs, shape `(B, *image)`, and how far their reconstructions are from the
        clean ones, shape `(B,)`.
    """
    clean = reconstruct(run.model, run.guide, x)
    best, moved = x.clone(), np.zeros(len(x))
    for number, (mode, which) in enumerate(layers.items(), start=1):
        objective, optimiser = make_objective(mode, which), PGD(steps=STEPS)
        attack = Attack(
            *(objective, optimiser, (0.0,)),
            ball=Ball("l2", radius),
            noise="frozen" if samples == 1 else "fresh",
            samples=samples,
            seed=seed,
        )
        adversarial = attack(run.model, run.guide_for(mode), x).adversarial.to(x)
        distance = l2_norms(reconstruct(run.model, run.guide, adversarial) - clean)
        further = torch.from_numpy(np.flatnonzero(distance > moved)).to(x.device)
        best[further] = adversarial[further]
        moved = np.maximum(distance, moved)
        progress("attacks", number, len(layers))
    return best, moved
