"""Objectives bound to a chain of two layers."""

from collections.abc import Callable, Iterable
from types import ModuleType

import pytest
from torch import Tensor, nn

from pyro_seatbelt.attacks import Objective
from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.objectives.objective import Distance
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.traces.programs import Program


@pytest.fixture
def chain(pairs: ModuleType) -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """A model, a guide, inputs and targets."""
    model, guide = pairs.ChainModel().double().eval(), pairs.ChainGuide().double().eval()
    return model, guide, pairs.images(5, 1).double(), pairs.images(5, 2).double()


@pytest.fixture
def bind() -> Callable[..., Distance]:
    """Binds an objective to a pair and targets, with K draws of every problem (0: means)."""

    def make(
        objective: Objective,
        model: Program | None,
        guide: Program,
        x: Tensor,
        target: Tensor,
        *,
        samples: int = 1,
        problems: Iterable[int] | None = None,
        seed: int = 0,
    ) -> Distance:
        pair = read_pair(model, guide, x, objective.layers)
        numbers = range(len(x)) if problems is None else list(problems)
        draws = (
            LatentDraws.frozen(numbers, samples, seed=seed) if samples else LatentDraws.at_mean()
        )
        return objective.bind(pair, target, draws)

    return make
