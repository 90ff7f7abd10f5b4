import signal

import pytest
import torch
from pyro.infer import Trace_ELBO

from pyro_seatbelt.defences import AdversarialTraining, InputNoise, PosteriorAttack, SmoothEncoder
from pyro_seatbelt.training import TrainConfig, fit
from pyro_seatbelt.training.checkpoint import load_checkpoint
from pyro_seatbelt.training.defended import defended

ALONE = [
    ({"input_noise": 0.1}, InputNoise),
    ({"adversarial_radius": 1.0}, AdversarialTraining),
    ({"smooth_weight": 1.0, "smooth_radius": 1.0}, SmoothEncoder),
]
TOGETHER = {name: value for settings, _ in ALONE for name, value in settings.items()}


def test_by_default_there_is_nothing_around_the_objective():
    objective = Trace_ELBO()
    assert defended(objective, TrainConfig(attack_steps=7)) is objective


def test_noise_is_outside_and_adversarial_training_inside():
    objective = Trace_ELBO()
    config = TrainConfig(
        input_noise=0.1,
        adversarial_radius=1.0,
        smooth_weight=2.0,
        smooth_radius=0.5,
        attack_steps=4,
    )
    noise = defended(objective, config)
    assert isinstance(noise, InputNoise)
    smooth = noise.objective
    assert isinstance(smooth, SmoothEncoder)
    adversarial = smooth.objective
    assert isinstance(adversarial, AdversarialTraining)
    assert adversarial.objective is objective
    assert (noise.scale, smooth.weight) == (0.1, 2.0)
    assert (smooth.attack.radius, smooth.attack.steps) == (0.5, 4)
    assert (adversarial.attack.radius, adversarial.attack.steps) == (1.0, 4)


@pytest.mark.parametrize(("settings", "kind"), ALONE)
def test_each_can_be_alone(settings, kind):
    objective = Trace_ELBO()
    found = defended(objective, TrainConfig(**settings))
    assert isinstance(found, kind)
    assert found.objective is objective
    attack = getattr(found, "attack", None)
    assert attack is None or isinstance(attack, PosteriorAttack)


@pytest.mark.parametrize("settings", [*(settings for settings, _ in ALONE), TOGETHER])
def test_training_in_parts_is_one_training(settings, make_pair, images, config, tmp_path):
    config = config.model_copy(update=settings)
    objective = defended(Trace_ELBO(), config)
    indices = torch.arange(len(images))

    def stop(stage, step, total, numbers=None):
        if step == 4:
            signal.raise_signal(signal.SIGINT)

    whole, again, plain = make_pair(), make_pair(), make_pair()
    fit(*whole, objective, images, indices, config)
    first = fit(*make_pair(), objective, images, indices, config, folder=tmp_path, progress=stop)
    assert (first.step, first.interrupted) == (4, True)
    resume = load_checkpoint(first.checkpoint)
    fit(*again, objective, images, indices, config, folder=tmp_path, resume=resume)
    fit(*plain, Trace_ELBO(), images, indices, config)
    one, two, other = (pair.weights() for pair in (whole, again, plain))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["guide.net.1.weight"], other["guide.net.1.weight"])
