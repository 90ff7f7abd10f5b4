import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.objectives.output import Output
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.defences import RefinedGuide
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.reconstruction import reconstruct

WEIGHT = torch.tensor([[1.0, 0.5, -0.3], [0.0, 0.8, 0.6]], dtype=torch.float64)


def linear_model(x):
    with pyro.plate("data", 1000, subsample=x):
        z2 = pyro.sample("z2", dist.Normal(x.new_zeros(len(x), 2), 1.0).to_event(1))
        z1 = pyro.sample("z1", dist.Normal(0.7 * z2, 0.6).to_event(1))
        pyro.sample("x", dist.Normal(z1 @ WEIGHT, 0.5).to_event(1), obs=x)


def wrong_guide(x):
    with pyro.plate("data", 1000, subsample=x):
        z1 = pyro.sample("z1", dist.Normal(x[:, :2] + 0.5, 0.5).to_event(1))
        pyro.sample("z2", dist.Normal(0.5 * z1, 0.6).to_event(1))


def exact_posterior(x):
    """Mean and covariance of (z1, z2) given one image, by conditioning one Gaussian."""
    eye = torch.eye(2, dtype=torch.float64)
    first = (0.49 + 0.36) * eye
    joint = torch.cat([torch.cat([first, 0.7 * eye], 1), torch.cat([0.7 * eye, eye], 1)])
    design = torch.cat([WEIGHT.T, torch.zeros(3, 2, dtype=torch.float64)], 1)
    gain = joint @ design.T @ torch.linalg.inv(design @ joint @ design.T + 0.25 * torch.eye(3))
    return gain @ x, joint - gain @ design @ joint


def draws(guide, x):
    with torch.no_grad():
        trace = poutine.trace(guide).get_trace(x)
    return torch.cat([trace.nodes[name]["value"] for name in ("z1", "z2")], 1)


def test_many_steps_come_to_the_posterior_of_a_linear_model():
    x = torch.tensor([0.9, -0.4, 0.6], dtype=torch.float64)
    mean, covariance = exact_posterior(x)
    many = x.expand(4000, 3)
    guide = RefinedGuide(wrong_guide, linear_model, 40, step_size=0.2, num_leapfrog=8)
    found = draws(guide, many)
    error = (covariance.diag() / len(many)).sqrt()
    assert (draws(wrong_guide, many).mean(0) - mean).abs().max() > 20 * error.max()
    assert ((found.mean(0) - mean).abs() < 4.5 * error).all()
    variances = covariance.diag().outer(covariance.diag()) + covariance.square()
    assert ((found.T.cov() - covariance).abs() < 4.5 * (variances / len(many)).sqrt()).all()


def test_a_start_in_the_posterior_stays_in_it():
    """One coarse step, which many proposals do not survive: without the acceptance it fails."""
    x = torch.tensor([0.9, -0.4, 0.6], dtype=torch.float64)
    mean, covariance = exact_posterior(x)
    second, cross = covariance[2:, 2:], covariance[2:, :2] @ torch.linalg.inv(covariance[:2, :2])
    rest = torch.linalg.cholesky(second - cross @ covariance[:2, 2:])

    def exact_guide(x):
        with pyro.plate("data", 1000, subsample=x):
            loc, root = mean[:2].expand(len(x), 2), torch.linalg.cholesky(covariance[:2, :2])
            z1 = pyro.sample("z1", dist.MultivariateNormal(loc, scale_tril=root))
            loc = mean[2:] + (z1 - mean[:2]) @ cross.T
            pyro.sample("z2", dist.MultivariateNormal(loc, scale_tril=rest))

    many = x.expand(20000, 3)
    found = draws(RefinedGuide(exact_guide, linear_model, 3, step_size=1.0), many)
    error = (covariance.diag() / len(many)).sqrt()
    assert ((found.mean(0) - mean).abs() < 4.5 * error).all()
    variances = covariance.diag().outer(covariance.diag()) + covariance.square()
    assert ((found.T.cov() - covariance).abs() < 4.5 * (variances / len(many)).sqrt()).all()


def test_the_output_attack_differentiates_through_the_chain():
    x = torch.rand(2, 3, dtype=torch.float64)
    guide = RefinedGuide(wrong_guide, linear_model, 3, step_size=0.4, num_leapfrog=2)
    pair = read_pair(linear_model, guide, x)
    frozen = LatentDraws.frozen(range(2), 3, seed=1)
    distance = Output().bind(pair, torch.rand(2, 3, dtype=torch.float64), frozen)
    image = x.clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda image: distance(image, torch.arange(2)), image, eps=1e-6, atol=1e-6
    )
    plain = Output().bind(read_pair(linear_model, wrong_guide, x), x.flip(0), frozen)
    one, other = (each(x, torch.arange(2)) for each in (distance, plain))
    assert not torch.allclose(one, other)


def test_reconstructions_through_means_are_repeatable_and_independent_of_the_batch():
    x = torch.rand(4, 3, dtype=torch.float64)
    guide = RefinedGuide(wrong_guide, linear_model, 2)
    all_at_once = reconstruct(linear_model, guide, x)
    assert torch.equal(all_at_once, reconstruct(linear_model, guide, x))
    torch.testing.assert_close(all_at_once[1:2], reconstruct(linear_model, guide, x[1:2]))
    assert not torch.allclose(all_at_once, reconstruct(linear_model, wrong_guide, x))


def test_distributions_are_those_of_the_guide_and_the_model_stays_out_of_the_trace():
    x = torch.rand(2, 3, dtype=torch.float64)
    nodes = poutine.trace(RefinedGuide(wrong_guide, linear_model, 2)).get_trace(x).nodes
    assert "x" not in nodes
    torch.testing.assert_close(nodes["z1"]["fn"].mean, x[:, :2] + 0.5)
    assert nodes["z1"]["cond_indep_stack"][0].name == "data"


def test_what_a_chain_cannot_move_is_refused():
    def bounded(x):
        with pyro.plate("data", 1000, subsample=x):
            pyro.sample("z", dist.Beta(x[:, :2] + 1, 2.0).to_event(1))

    with pytest.raises(NotImplementedError, match=r"site 'z': a chain moves latents over the"):
        RefinedGuide(bounded, linear_model, 1)(torch.rand(2, 3))

    def alone(x):
        pyro.sample("z", dist.Normal(x[0], 1.0).to_event(1))

    with pytest.raises(InputError, match="not inside a vectorised plate 'data'"):
        RefinedGuide(alone, linear_model, 1)(torch.rand(2, 3))
    with pytest.raises(ValueError, match="expected num_steps >= 1, got 0"):
        RefinedGuide(wrong_guide, linear_model, 0)
    with pytest.raises(ValueError, match="expected step_size > 0, got 0"):
        RefinedGuide(wrong_guide, linear_model, 1, step_size=0)
