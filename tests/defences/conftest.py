"""A pair that knows nothing of this library, whose encoder has batch normalisation."""

from collections.abc import Callable

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.nn import PyroModule
from torch import Tensor, nn

NUM_DATA = 40


class Painter(PyroModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(2, 16)

    def forward(self, pictures: Tensor) -> None:
        with pyro.plate("pictures", NUM_DATA, subsample=pictures):
            code = pyro.sample("code", dist.Normal(pictures.new_zeros(2), 1.0).to_event(1))
            mean = self.net(code).unflatten(-1, (1, 4, 4))
            pyro.sample("canvas", dist.Normal(mean, 0.5).to_event(3), obs=pictures)


class Critic(PyroModule):
    def __init__(self, family: Callable[..., dist.TorchDistribution] = dist.Normal) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(16)
        self.net = nn.Linear(16, 4)
        self.family = family

    def forward(self, pictures: Tensor) -> None:
        with pyro.plate("pictures", NUM_DATA, subsample=pictures):
            mean, log_scale = self.net(self.norm(pictures.flatten(1))).chunk(2, -1)
            pyro.sample("code", self.family(mean, log_scale.exp()).to_event(1))


@pytest.fixture
def painter() -> Painter:
    return Painter().double()


@pytest.fixture
def critic() -> Critic:
    critic = Critic().double()
    nn.init.uniform_(critic.norm.weight, 0.5, 1.5)
    nn.init.normal_(critic.norm.bias)
    return critic


@pytest.fixture
def laplace_critic() -> Critic:
    return Critic(dist.Laplace).double()


@pytest.fixture
def x() -> Tensor:
    return torch.rand(6, 1, 4, 4, dtype=torch.float64)
