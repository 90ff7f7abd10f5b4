"""Pairs whose numbers are known in closed form."""

import math

import pyro
import pyro.distributions as dist
import pytest
import torch

from pyro_seatbelt.data import ResidentImages


class LinearGaussian:
    """Pixels x = W z + noise of two latent dimensions, and a linear guide.

    Its log p(x) is that of a Gaussian with covariance W W' + s^2 I.
    """

    num_data = 50
    noise = 0.5

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.w = torch.randn(4, 2, generator=generator, dtype=torch.float64)
        self.precision = torch.eye(2).double() + self.w.T @ self.w / self.noise**2
        self.scale = 1.3 * self.precision.inverse().diagonal().sqrt()

    def model(self, x):
        with pyro.plate("data", self.num_data, subsample=x):
            z = pyro.sample("z1", dist.Normal(torch.zeros(2).double(), 1.0).to_event(1))
            pixels = (z @ self.w.T).unflatten(-1, (1, 2, 2))
            pyro.sample("x", dist.Normal(pixels, self.noise).to_event(3), obs=x)

    def guide(self, x):
        with pyro.plate("data", self.num_data, subsample=x):
            mean = x.flatten(-3) @ self.w @ self.precision.inverse() / self.noise**2
            pyro.sample("z1", dist.Normal(mean + 0.1, self.scale).to_event(1))

    def log_evidence(self, x):
        covariance = self.w @ self.w.T + self.noise**2 * torch.eye(4).double()
        fn = torch.distributions.MultivariateNormal(torch.zeros(4).double(), covariance)
        return fn.log_prob(x.flatten(1))

    def elbo(self, x):
        """E_q log p(x, z) plus the entropy of q."""
        mean = x.flatten(1) @ self.w @ self.precision.inverse() / self.noise**2 + 0.1
        residual = x.flatten(1) - mean @ self.w.T
        trace = (self.scale**2 * (self.w**2).sum(0)).sum()
        log_likelihood = -0.5 * (residual.square().sum(1) + trace) / self.noise**2
        log_likelihood -= 2 * math.log(2 * math.pi * self.noise**2)
        log_prior = -0.5 * (mean.square().sum(1) + self.scale.square().sum())
        entropy = (self.scale.log() + 0.5).sum()
        return log_likelihood + log_prior + entropy


@pytest.fixture
def linear():
    return LinearGaussian()


@pytest.fixture
def dots(linear):
    """Fifty images of four pixels, and those pixels as the pair sees them."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (50, 1, 2, 2), generator=generator, dtype=torch.uint8)
    return ResidentImages(images)


class Identity:
    """An autoencoder whose codes are the pixels, times a factor: 0 for one that has collapsed."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def model(self, x):
        with pyro.plate("data", 100, subsample=x):
            z = pyro.sample("z1", dist.Normal(torch.zeros(16), 1.0).to_event(1))
            image = self.factor * z.unflatten(-1, (1, 4, 4))
            pyro.sample("x", dist.Normal(image, 1.0).to_event(3), obs=x)

    def guide(self, x):
        with pyro.plate("data", 100, subsample=x):
            pyro.sample("z1", dist.Normal(x.flatten(-3), 0.01).to_event(1))


@pytest.fixture
def make_identity():
    return Identity


@pytest.fixture
def blend_pairs():
    """Three inputs and their targets."""
    return torch.rand(2, 3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
