import math

import torch
from pyro.infer import Trace_ELBO

from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.defences import AdversarialTraining, PosteriorAttack
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode

ATTACK = PosteriorAttack(0.8)


def normal(value, mean, scale):
    return -0.5 * ((value - mean) / scale) ** 2 - scale.log() - 0.5 * math.log(2 * math.pi)


def written_out(painter, critic, x, attacked):
    """The bound with every formula in sight, normalised by the clean batch."""
    clean, norm = x.flatten(1), critic.norm
    mean, variance = clean.mean(0), ((clean - clean.mean(0)) ** 2).mean(0)
    hidden = (attacked.flatten(1) - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias
    loc, log_scale = (hidden @ critic.net.weight.T + critic.net.bias).chunk(2, 1)
    z = loc + log_scale.exp() * torch.randn_like(loc)
    canvas = z @ painter.net.weight.T + painter.net.bias
    one, half = torch.ones_like(z), torch.full_like(canvas, 0.5)
    bound = normal(clean, canvas, half).sum() + normal(z, 0 * z, one).sum()
    return -(bound - normal(z, loc, log_scale.exp()).sum()) * 40 / 6


def test_value_and_gradient_are_those_of_the_attacked_posterior(painter, critic, x):
    parameters = [*painter.parameters(), *critic.parameters()]
    loss_module = AdversarialTraining(Trace_ELBO(), ATTACK)(painter, critic)
    torch.manual_seed(3)
    loss = loss_module(x)
    with evaluation_mode(critic):
        pair = read_pair(None, critic, x)
    torch.manual_seed(3)
    attacked = ATTACK(pair, x).images
    wanted = written_out(painter, critic, x, attacked)
    torch.testing.assert_close(loss, wanted)
    pairs = zip(
        torch.autograd.grad(loss, parameters), torch.autograd.grad(wanted, parameters), strict=True
    )
    for one, other in pairs:
        torch.testing.assert_close(one, other)


def test_without_gradients_images_are_clean(painter, critic, x):
    loss = AdversarialTraining(Trace_ELBO(), ATTACK)(painter, critic)
    with torch.no_grad():
        torch.manual_seed(3)
        found = loss(x)
        torch.manual_seed(3)
        assert torch.equal(found, Trace_ELBO()(painter, critic)(x))


def test_in_eval_mode_images_are_clean(painter, critic, x):
    loss = AdversarialTraining(Trace_ELBO(), ATTACK)(painter, critic).eval()
    torch.manual_seed(3)
    found = loss(x)
    torch.manual_seed(3)
    assert torch.equal(found, Trace_ELBO()(painter, critic)(x))
