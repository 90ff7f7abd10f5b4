import math

import pyro
import pytest
import torch
from pyro import poutine
from torch import nn

from pyro_seatbelt import presets
from pyro_seatbelt.guides import Ladder
from pyro_seatbelt.models import ConditionalNormal, MLPEncoder

SHAPE = (1, 4, 4)
NUM_DATA = 20
DIMS = (4, 3, 2)


def family(**options):
    torch.manual_seed(0)
    made = presets.build(
        "ladder-vae", latent_dims=DIMS, network="mlp", features=8, hidden=6, image_shape=SHAPE,
        num_data=NUM_DATA, **options,
    )  # fmt: skip
    made.model.double()
    made.guide.double()
    return made


def images(count=5):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, *SHAPE, generator=generator, dtype=torch.double)


def gaussian(conditional, given):
    loc, raw = conditional.network(given).chunk(2, -1)
    return loc, (6 * torch.tanh(raw / 6)).exp()


def log_density(z, loc, scale):
    return (-0.5 * ((z - loc) / scale) ** 2 - scale.log() - 0.5 * math.log(2 * math.pi)).sum(-1)


def test_the_loss_is_the_published_one():
    """Eqs 8 to 13 in plain tensors, with the same noise: value and gradient."""
    model, guide, objective = family()
    x = images()
    with pyro.settings.context(module_local_params=True):
        loss_module = objective(model, guide)
        parameters = list(loss_module.parameters())
        torch.manual_seed(3)
        loss = loss_module(x) / NUM_DATA
    gradient = torch.autograd.grad(loss, parameters)

    torch.manual_seed(3)
    d = [guide.encoder(x)]
    for network in guide.upward:
        d.append(network.layers(d[-1]))
    kl, above = torch.zeros(len(x), dtype=torch.double), None
    for layer in (2, 1, 0):
        loc, scale = gaussian(guide.conditionals[layer], d[layer])
        prior = torch.zeros_like(loc), torch.ones_like(scale)
        if above is not None:
            prior = gaussian(model.conditionals[layer], above)
            precisions = scale**-2, prior[1] ** -2
            scale = sum(precisions) ** -0.5
            loc = scale**2 * (loc * precisions[0] + prior[0] * precisions[1])
        above = loc + scale * torch.randn(loc.shape, dtype=torch.double)
        kl = kl + log_density(above, loc, scale) - log_density(above, *prior)
    pixels = model.decoder(above).sigmoid()
    log_likelihood = (x * pixels.log() + (1 - x) * (1 - pixels).log()).sum((1, 2, 3))
    expected = (kl - log_likelihood).mean()

    assert loss.item() == pytest.approx(expected.item(), rel=1e-10)
    for one, other in zip(gradient, torch.autograd.grad(expected, parameters), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-10)


def test_networks_of_the_model_are_shared():
    model, guide, objective = family()
    assert all(a is b for a, b in zip(guide.generative, model.conditionals, strict=True))
    with pyro.settings.context(module_local_params=True):
        parameters = list(objective(model, guide).parameters())
    assert len(parameters) == len({id(each) for each in parameters})


class Fixed(nn.Module):
    """A Gaussian around a multiple of what it is given."""

    def __init__(self, slope, scale):
        super().__init__()
        self.slope, self.scale = slope, scale

    def forward(self, given):
        return pyro.distributions.Normal(self.slope * given, self.scale).to_event(1)


def test_it_is_exact_where_the_image_says_its_likelihood():
    r"""For :math:`x \mid z_1 \sim N(z_1, t^2)` the way up need say no more than x and t."""
    slope, scale, noise, x, above = 0.7, 0.4, 0.9, torch.tensor([[1.3]]), torch.tensor([[-0.5]])
    guide = Ladder(
        nn.Identity(),
        [Fixed(1.0, noise), Fixed(1.0, 1.0)],
        upward=[nn.Identity()],
        generative=[Fixed(slope, scale)],
        num_data=1,
    )
    trace = poutine.trace(poutine.condition(guide, data={"z2": above})).get_trace(x)
    posterior = trace.nodes["z1"]["fn"].base_dist
    # of two jointly Gaussian variables, by their covariance
    gain = scale**2 / (scale**2 + noise**2)
    assert posterior.loc.item() == pytest.approx(slope * -0.5 + gain * (1.3 - slope * -0.5))
    assert posterior.variance.item() == pytest.approx(scale**2 * (1 - gain), rel=1e-5)


def test_messages():
    heads = [ConditionalNormal(nn.Linear(8, 4)) for _ in range(2)]
    with pytest.raises(ValueError, match="expected 1 networks up and conditionals of the model"):
        Ladder(MLPEncoder(SHAPE, 8), heads, upward=[nn.Linear(8, 8)], num_data=3)
