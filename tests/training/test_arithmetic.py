import os
import warnings

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from pyro.nn import PyroModule, PyroParam

from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training import TrainConfig, fit
from pyro_seatbelt.training.arithmetic import arithmetic
from pyro_seatbelt.training.divergence import TrainingDiverged


class Model(PyroModule):
    """The gradient of its square root is not finite at 0, where its value is."""

    def __init__(self):
        super().__init__()
        self.weight = PyroParam(torch.zeros(()))

    def forward(self, x):
        with pyro.plate("data", 8, subsample=x):
            z = pyro.sample("z", dist.Normal(torch.zeros(len(x)), 1.0))
            loc = (self.weight * z).square().sqrt()
            pyro.sample("x", dist.Normal(loc[:, None, None, None], 1.0).to_event(3), obs=x)


class Guide(PyroModule):
    def __init__(self):
        super().__init__()
        self.loc = PyroParam(torch.zeros(()))

    def forward(self, x):
        with pyro.plate("data", 8, subsample=x):
            pyro.sample("z", dist.Normal(self.loc.expand(len(x)), 1.0))


def train(**changes):
    images = ResidentImages(torch.zeros(8, 1, 2, 2, dtype=torch.uint8))
    with pyro.settings.context(module_local_params=True):
        pair = Model(), Guide()
    config = TrainConfig(steps=1, batch_size=4, device="cpu", **changes)
    fit(*pair, Trace_ELBO(), images, torch.arange(8), config)


def test_the_operation_that_breaks_is_named_if_asked():
    with pytest.raises(TrainingDiverged, match="the gradient of model"):
        train()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Error detected in", UserWarning)  # and where
        with pytest.raises(TrainingDiverged, match="step 1: the gradient of Sqrt is not finite"):
            train(detect_anomaly=True)
    assert not torch.is_anomaly_enabled()


def test_only_deterministic_operations_are_used_if_asked(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    seen = []
    monkeypatch.setattr(
        Model, "forward", lambda self, x: seen.append(torch.are_deterministic_algorithms_enabled())
    )
    with pytest.raises(Exception):  # noqa: B017, PT011 - it is no model
        train(deterministic=True)
    assert seen[0] is True
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert not torch.are_deterministic_algorithms_enabled()


def test_an_operation_without_a_deterministic_form_is_one_line():
    message = (
        "upsample_bicubic2d_backward_out_cuda does not have a deterministic implementation, but "
        "you set 'torch.use_deterministic_algorithms(True)'.\n You can turn off determinism"
    )
    wanted = r"^deterministic: upsample_bicubic2d_backward_out_cuda does not have a deterministic"
    with pytest.raises(InputError, match=wanted) as caught, arithmetic(deterministic=True):
        raise RuntimeError(message)
    assert "\n" not in str(caught.value)
    with pytest.raises(RuntimeError, match="something else"), arithmetic(deterministic=True):
        raise RuntimeError("something else")
