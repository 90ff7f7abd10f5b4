from typing import get_args

import pytest
import torch
import torch.nn.functional as F

from pyro_seatbelt.family import LikelihoodName
from pyro_seatbelt.models import GreyBernoulli, Likelihood
from pyro_seatbelt.models.likelihoods import LIKELIHOODS


def test_the_table_has_every_name():
    assert tuple(LIKELIHOODS) == get_args(LikelihoodName)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_every_likelihood_takes_grey_pixels_and_leading_dimensions(name):
    logits = torch.randn(5, 2, 3, 4, 4)
    pixels = Likelihood(name)(logits)
    x = torch.rand(2, 3, 4, 4)
    assert pixels.event_shape == (3, 4, 4)
    assert pixels.log_prob(x).shape == (5, 2)
    assert pixels.mean.min() >= 0
    assert pixels.mean.max() <= 1
    assert pixels.sample().shape == logits.shape
    assert pixels.expand((6, 5, 2)).log_prob(x).shape == (6, 5, 2)


def test_grey_bernoulli_is_cross_entropy():
    logits, x = torch.randn(7, 4, 4), torch.rand(7, 4, 4)
    expected = -F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    torch.testing.assert_close(GreyBernoulli(logits=logits).log_prob(x), expected)


@pytest.mark.parametrize("name", ["continuous-bernoulli", "gaussian", "laplace"])
def test_densities_integrate_to_one(name):
    """On [0, 1] for the continuous Bernoulli, on the line for the others."""
    grid = torch.linspace(0, 1, 20001).double()
    if name != "continuous-bernoulli":
        grid = grid * 20 - 10
    pixels = Likelihood(name, scale=None if name.startswith("c") else 0.4)(
        torch.full((1, 1, 1), 0.7)
    )
    density = pixels.base_dist.log_prob(grid[:, None, None, None]).double().exp()
    assert torch.trapezoid(density.flatten(), grid).item() == pytest.approx(1, abs=1e-3)


def test_a_learned_scale_is_a_parameter_with_a_floor():
    likelihood = Likelihood("gaussian", scale="learned")
    (parameter,) = likelihood.parameters()
    scale = likelihood(torch.zeros(1, 1, 1)).base_dist.scale
    assert scale.item() == pytest.approx(0.1)
    (gradient,) = torch.autograd.grad(scale.sum(), parameter)
    assert gradient > 0
    with torch.no_grad():
        parameter.fill_(-1e9)
    assert likelihood(torch.zeros(1, 1, 1)).base_dist.scale.item() == pytest.approx(0.001)


@pytest.mark.parametrize("scale", [1e-4, 0.2, 3])
def test_a_fixed_scale_is_taken_as_it_is(scale):
    likelihood = Likelihood("laplace", scale=scale)
    assert likelihood(torch.zeros(1, 1, 1)).base_dist.scale.item() == pytest.approx(scale)
    assert not list(likelihood.parameters())


@pytest.mark.parametrize(
    ("name", "scale", "message"),
    [
        ("poisson", None, "unknown likelihood 'poisson': choose from bernoulli, continuous-b"),
        ("bernoulli", 0.1, "the bernoulli likelihood has no scale, got 0.1"),
        ("gaussian", 0.0, "expected a likelihood scale > 0 or 'learned', got 0.0"),
        ("laplace", -1, "expected a likelihood scale > 0 or 'learned', got -1"),
        ("laplace", float("nan"), "expected a likelihood scale > 0 or 'learned', got nan"),
        ("gaussian", "adaptive", "expected a likelihood scale > 0 or 'learned', got 'adaptive'"),
    ],
)
def test_messages(name, scale, message):
    with pytest.raises(ValueError, match=message):
        Likelihood(name, scale=scale)
