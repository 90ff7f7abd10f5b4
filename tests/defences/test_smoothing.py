import math
from itertools import pairwise

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from torch import nn

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.objectives.latent_kl import LatentKL
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.defences import SmoothedEncoder, project, smoothed_lipschitz
from pyro_seatbelt.traces.at_mean import at_mean
from pyro_seatbelt.traces.frozen_noise import FrozenNoise, frozen_noise


def test_the_average_is_the_expectation_and_its_gradient():
    """E (x + s e)^2 = x^2 + s^2, whose derivative is 2 x."""
    encoder = SmoothedEncoder(nn.Identity(), 0.5, 100_000)
    encoder.encoder.forward = torch.square
    x = torch.tensor([[0.3, -1.0]], dtype=torch.float64, requires_grad=True)
    features = encoder(x)
    torch.testing.assert_close(features, x.square() + 0.25, atol=0.02, rtol=0)
    (slope,) = torch.autograd.grad(features.sum(), x)
    torch.testing.assert_close(slope, 2 * x.detach(), atol=0.02, rtol=0)


@pytest.mark.parametrize("scale", [0.2, 1.0])
def test_no_slope_is_above_the_certificate_and_the_sign_attains_it(scale):
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None] * torch.tensor([[1.0, 0.3]])
    noise = torch.randn(1_000_000, 2, dtype=torch.float64)

    def smoothed(x):  # a step, as steep as a function can be, of norm 2
        return 2 * torch.sign(x + scale * noise[:, :1]).mean()

    bound = smoothed_lipschitz(2.0, scale)
    step = 0.05 * scale
    slopes = [(smoothed(a + step) - smoothed(a - step)) / (2 * step) for a in x[:, 0]]
    assert max(slopes) < bound * 1.01
    assert max(slopes) > bound * 0.98  # at zero
    net = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 3)).double()
    with torch.no_grad():
        net[0].weight.mul_(30)
        net[2].weight.mul_(30)
        for one, other in pairwise(x):
            values = [project(net(each + scale * noise[:100_000]), 1.0).mean(0)
                      for each in (one, other)]  # fmt: skip
            allowed = smoothed_lipschitz(1.0, scale) * (one - other).norm()
            assert (values[0] - values[1]).norm() < allowed


def test_projection_leaves_the_ball_alone_and_zero_has_a_gradient():
    x = torch.zeros(1, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(project(x, 2.0).sum(), x)
    assert torch.equal(slope, torch.ones(1, 3))


class SmoothGuide(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.Tanh())
        self.encoder = SmoothedEncoder(net.double(), 0.3, 4)

    def forward(self, x):
        with pyro.plate("data", 100, subsample=x):
            loc, log_scale = self.encoder(x).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))


def test_frozen_noise_follows_the_row_and_another_seed_is_other_noise():
    guide, x = SmoothGuide(), torch.rand(1, 1, 2, 2, dtype=torch.float64).expand(3, 1, 2, 2)

    def means(rows, seed=0):
        program = frozen_noise(guide, FrozenNoise(range(9), seed=seed), rows)
        trace = poutine.trace(program).get_trace(x[: len(rows)])
        assert set(trace.nodes) & {"smoothing"} == set()
        return trace.nodes["z"]["fn"].mean

    first, second = means([0, 1, 2]), means([2, 0])
    torch.testing.assert_close(first[2], second[0])
    assert not torch.allclose(first[0], first[1])
    assert not torch.allclose(first, means([0, 1, 2], seed=1))


def test_at_means_the_noise_is_one_for_all_images():
    guide, x = SmoothGuide(), torch.rand(2, 1, 2, 2, dtype=torch.float64)
    both = poutine.trace(at_mean(guide)).get_trace(x).nodes["z"]["value"]
    one = poutine.trace(at_mean(guide)).get_trace(x[1:]).nodes["z"]["value"]
    torch.testing.assert_close(both[1:], one)


@pytest.mark.parametrize("draws", [LatentDraws.at_mean(), LatentDraws.frozen([0, 1], 3, seed=0)])
def test_the_attack_differentiates_through_the_average(draws):
    guide, x = SmoothGuide(), torch.rand(2, 1, 2, 2, dtype=torch.float64)
    distance = LatentKL().bind(read_pair(None, guide, x), x.flip(0), draws)
    image = x.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda image: distance(image, torch.arange(2)), image)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((0.0,), "expected scale > 0, got 0.0"), ((1.0, 0), "expected num_draws >= 1, got 0")],
)
def test_bad_numbers_are_said_so(arguments, words):
    with pytest.raises(ValueError, match=words):
        SmoothedEncoder(nn.Identity(), *arguments)
    with pytest.raises(ValueError, match="expected radius > 0 or None, got -1"):
        SmoothedEncoder(nn.Identity(), 1.0, radius=-1)
    with pytest.raises(ValueError, match="expected radius >= 0 and scale > 0"):
        smoothed_lipschitz(1.0, -math.inf)
