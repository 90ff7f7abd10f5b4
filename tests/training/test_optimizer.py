from typing import get_args

import pytest
import torch
from pyro.infer import Trace_ELBO

from pyro_seatbelt.family import OptimizerName
from pyro_seatbelt.training import TrainConfig, fit
from pyro_seatbelt.training.checkpoint import load_checkpoint
from pyro_seatbelt.training.optimizer import OPTIMIZERS, make_optimizer

CPU = torch.device("cpu")


def test_every_name_is_an_optimiser():
    assert set(OPTIMIZERS) == set(get_args(OptimizerName))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(name, make_pair, images, config, tmp_path):
    config = config.model_copy(update={"optimizer": name})
    whole, parts, start = make_pair(), make_pair(), make_pair()
    fit(*whole, Trace_ELBO(), images, torch.arange(24), config)
    half = config.model_copy(update={"steps": 5})
    done = fit(*make_pair(), Trace_ELBO(), images, torch.arange(24), half, folder=tmp_path)
    resume = load_checkpoint(done.checkpoint)
    fit(*parts, Trace_ELBO(), images, torch.arange(24), config, resume=resume)
    one, two = whole.weights(), parts.weights()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not torch.equal(one["model.net.weight"], start.weights()["model.net.weight"])


def test_what_is_not_given_is_torchs():
    parameters = [torch.nn.Parameter(torch.ones(2))]
    for name, kind in OPTIMIZERS.items():
        [group] = make_optimizer(TrainConfig(optimizer=name), parameters, CPU).param_groups
        [theirs] = kind(parameters, lr=1e-3).param_groups
        for setting in ("betas", "eps", "weight_decay", "amsgrad", "nesterov"):
            assert group.get(setting) == theirs.get(setting), (name, setting)


def test_settings_reach_the_optimiser():
    parameters = [torch.nn.Parameter(torch.ones(2))]
    config = TrainConfig(optimizer="sgd", learning_rate=0.5, weight_decay=0.1, momentum=0.3)
    [group] = make_optimizer(config, parameters, CPU).param_groups
    assert (group["lr"], group["weight_decay"], group["momentum"]) == (0.5, 0.1, 0.3)


def test_a_learning_rate_on_the_device_is_that_of_the_config(make_pair, images, config, tmp_path):
    done = fit(*make_pair(), Trace_ELBO(), images, torch.arange(24), config, folder=tmp_path)
    pair = make_pair()
    parameters = [*pair.model.parameters(), *pair.guide.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=torch.tensor(config.learning_rate), fused=True)
    load_checkpoint(done.checkpoint).restore(pair._asdict(), optimizer)
    assert isinstance(optimizer.param_groups[0]["lr"], torch.Tensor)
    other = torch.optim.Adam(parameters, lr=torch.tensor(0.02), fused=True)
    with pytest.raises(ValueError, match=r"lr: expected 0\.019"):
        load_checkpoint(done.checkpoint).restore(pair._asdict(), other)
