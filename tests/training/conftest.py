"""A small pair that knows nothing of this library: training must work with anybody's."""

from collections.abc import Callable
from typing import NamedTuple

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.nn import PyroModule, PyroParam
from torch import Tensor, nn

from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.training import TrainConfig

NUM_IMAGES = 24


class ForeignModel(PyroModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(2, 16)
        self.noise = PyroParam(torch.tensor(0.5), constraint=dist.constraints.positive)

    def forward(self, x: Tensor) -> None:
        with pyro.plate("images", NUM_IMAGES, subsample=x):
            z = pyro.sample("code", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            mean = self.net(z).reshape(-1, 1, 4, 4)
            pyro.sample("picture", dist.Normal(mean, self.noise).to_event(3), obs=x)


class ForeignGuide(PyroModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.BatchNorm1d(16), nn.Linear(16, 4))

    def forward(self, x: Tensor) -> None:
        with pyro.plate("images", NUM_IMAGES, subsample=x):
            mean, log_scale = self.net(x.flatten(1)).chunk(2, -1)
            pyro.sample("code", dist.Normal(mean, log_scale.exp()).to_event(1))


class ForeignPair(NamedTuple):
    model: ForeignModel
    guide: ForeignGuide

    def weights(self) -> dict[str, Tensor]:
        return {
            f"{name}.{key}": value.clone()
            for name, module in self._asdict().items()
            for key, value in module.state_dict().items()
        }


@pytest.fixture
def images() -> ResidentImages:
    generator = torch.Generator().manual_seed(1)
    shape = (NUM_IMAGES, 1, 4, 4)
    return ResidentImages(torch.randint(256, shape, dtype=torch.uint8, generator=generator))


@pytest.fixture
def make_pair() -> Callable[[], ForeignPair]:
    def make() -> ForeignPair:
        torch.manual_seed(5)
        return ForeignPair(ForeignModel(), ForeignGuide())

    return make


@pytest.fixture
def pair(make_pair: Callable[[], ForeignPair]) -> ForeignPair:
    return make_pair()


@pytest.fixture
def config() -> TrainConfig:
    return TrainConfig(
        steps=10,
        batch_size=8,
        learning_rate=0.01,
        device="cpu",
        log_every=2,
        eval_every=5,
        checkpoint_every=3,
    )
