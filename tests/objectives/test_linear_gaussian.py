"""A hierarchy whose ELBO is known in closed form."""

import math

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import TraceMeanField_ELBO
from torch.distributions import MultivariateNormal

from pyro_seatbelt.objectives import TraceTC_ELBO

DIM = 2


class LinearGaussian:
    """z_L ~ N(0, I), z_i = A_i z_{i+1} + noise, x = sum_i W_i z_i + noise, and a linear guide.

    The guide is q(z_1 | x) = N(B x + b, t^2), q(z_{i+1} | z_i) = N(C_i z_i + c_i, t^2).
    """

    def __init__(self, num_layers, seed=0):
        g = torch.Generator().manual_seed(seed)

        def draw(*shape):
            return 0.5 * torch.randn(*shape, generator=g, dtype=torch.float64)

        self.num_layers = num_layers
        self.a = [draw(DIM, DIM) for _ in range(num_layers - 1)]
        self.w = [draw(DIM, DIM) for _ in range(num_layers)]
        self.b = [0.5 * draw(DIM, DIM) for _ in range(num_layers)]
        self.shift = [draw(DIM) for _ in range(num_layers)]
        self.prior_scale, self.noise, self.guide_scale = 0.8, 0.6, 0.2
        self.x = draw(1, DIM)

    def model(self):
        with pyro.plate("data", 1, subsample=self.x):
            prior = dist.Normal(torch.zeros(DIM, dtype=torch.float64), 1.0)
            z = [pyro.sample(f"z{self.num_layers}", prior.to_event(1))]
            for i in range(self.num_layers - 1, 0, -1):
                loc = z[0] @ self.a[i - 1].T
                z.insert(0, pyro.sample(f"z{i}", dist.Normal(loc, self.prior_scale).to_event(1)))
            loc = sum(z_i @ w.T for z_i, w in zip(z, self.w, strict=True))
            pyro.sample("x", dist.Normal(loc, self.noise).to_event(1), obs=self.x)

    def guide(self):
        with pyro.plate("data", 1, subsample=self.x):
            z = self.x
            for i, (b, shift) in enumerate(zip(self.b, self.shift, strict=True), start=1):
                posterior = dist.Normal(z @ b.T + shift, self.guide_scale)
                z = pyro.sample(f"z{i}", posterior.to_event(1))

    def joint_covariance(self):
        """Covariance of (x, z1 ... zL) under the model; its mean is zero."""
        size = DIM * (self.num_layers + 1)
        # every variable as a linear map of independent unit noises
        maps = {self.num_layers: torch.zeros(DIM, size, dtype=torch.float64)}
        maps[self.num_layers][:, self.num_layers * DIM :] = torch.eye(DIM)
        for i in range(self.num_layers - 1, 0, -1):
            maps[i] = self.a[i - 1] @ maps[i + 1]
            maps[i][:, i * DIM : (i + 1) * DIM] += self.prior_scale * torch.eye(DIM)
        x = sum(self.w[i - 1] @ maps[i] for i in range(1, self.num_layers + 1))
        x[:, :DIM] += self.noise * torch.eye(DIM)
        stacked = torch.cat([x, *(maps[i] for i in range(1, self.num_layers + 1))])
        return stacked @ stacked.T

    def elbo(self):
        """E_q log p(x, z) plus the entropy of q, in closed form."""
        mean, covariance = [], torch.zeros(0, 0, dtype=torch.float64)
        parent, size = self.x[0], DIM * self.num_layers
        maps = torch.zeros(0, size, dtype=torch.float64)
        for i in range(self.num_layers):
            parent = self.b[i] @ parent + self.shift[i]
            mean.append(parent)
            row = torch.zeros(DIM, size, dtype=torch.float64)
            if i:
                row = self.b[i] @ maps[-DIM:]
            row[:, i * DIM : (i + 1) * DIM] += self.guide_scale * torch.eye(DIM)
            maps = torch.cat([maps, row])
        covariance = maps @ maps.T
        joint = MultivariateNormal(torch.zeros(size + DIM).double(), self.joint_covariance())
        precision = joint.precision_matrix[DIM:, DIM:]
        expected = (
            joint.log_prob(torch.cat([self.x[0], *mean])) - 0.5 * (precision * covariance).sum()
        )
        entropy = size * (0.5 * math.log(2 * math.pi * math.e) + math.log(self.guide_scale))
        return (expected + entropy).item()


def draws(elbo, toy, count=600):
    pyro.set_rng_seed(0)
    values = -torch.tensor([elbo.loss(toy.model, toy.guide) for _ in range(count)])
    return values.mean().item(), values.std().item(), values.std().item() / math.sqrt(count)


PARTICLES = {"num_particles": 50, "vectorize_particles": True, "max_plate_nesting": 1}


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("estimator", ["mws", "mss"])
def test_mean_elbo_is_the_closed_form(num_layers, estimator):
    toy = LinearGaussian(num_layers)
    elbo = TraceTC_ELBO(f"z{num_layers}", estimator=estimator, **PARTICLES)
    mean, _, error = draws(elbo, toy)
    assert abs(mean - toy.elbo()) < 3 * error
    assert error < 0.05


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_analytic_entropy_has_the_same_mean_and_a_smaller_variance(num_layers):
    """Where the guide is narrower than the posterior, as here: see the next test."""
    toy = LinearGaussian(num_layers)
    _, spread, _ = draws(TraceTC_ELBO(f"z{num_layers}", **PARTICLES), toy)
    analytic = TraceTC_ELBO(f"z{num_layers}", analytic_entropy=True, **PARTICLES)
    mean, smaller_spread, error = draws(analytic, toy)
    assert abs(mean - toy.elbo()) < 3 * error
    assert smaller_spread < 0.95 * spread


def test_near_the_exact_posterior_the_drawn_log_ratio_varies_less():
    """At the optimum log p - log q is constant; without log q the draw of log p stays."""
    toy = LinearGaussian(1)
    covariance = toy.joint_covariance()
    posterior = torch.linalg.inv(torch.linalg.inv(covariance)[DIM:, DIM:])
    toy.guide_scale = posterior.diagonal().mean().sqrt().item()
    _, spread, _ = draws(TraceTC_ELBO("z1", **PARTICLES), toy)
    _, analytic_spread, _ = draws(TraceTC_ELBO("z1", analytic_entropy=True, **PARTICLES), toy)
    assert spread < analytic_spread


@pytest.mark.filterwarnings("ignore:Failed to verify mean field restriction")
@pytest.mark.parametrize("num_layers", [2, 3])
def test_an_analytic_kl_that_holds_the_next_layer_fixed_is_another_bound(num_layers):
    """z2 is drawn from z1: integrating z1 afresh under KL(q(z1|x) || p(z1|z2)) is not the ELBO."""
    toy = LinearGaussian(num_layers)
    toy.guide_scale = 0.9
    toy.b = [torch.eye(DIM, dtype=torch.float64) for _ in toy.b]
    mean, _, error = draws(TraceMeanField_ELBO(**PARTICLES), toy)
    assert abs(mean - toy.elbo()) > 5 * error
    honest, _, error = draws(TraceTC_ELBO(f"z{num_layers}", **PARTICLES), toy)
    assert abs(honest - toy.elbo()) < 3 * error
