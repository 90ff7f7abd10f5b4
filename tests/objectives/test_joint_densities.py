"""Posteriors that are no products: low-rank and dense normals, and autoregressive flows."""

import math

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.distributions import transforms
from torch.distributions import MultivariateNormal

from pyro_seatbelt.objectives import TraceTC_ELBO
from pyro_seatbelt.objectives.aggregate import aggregate_sums, exact_log_density, log_weights
from pyro_seatbelt.traces.factors import marginals_of

M, D, NUM_DATA = 5, 3, 40


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def low_rank(shape=(M,), dim=D):
    loc, factor = draw(*shape, dim), 0.7 * draw(*shape, dim, 2, seed=1)
    return dist.LowRankMultivariateNormal(loc, factor, draw(*shape, dim, seed=2).exp())


def dense():
    q = low_rank()
    return dist.MultivariateNormal(q.loc, q.covariance_matrix)


def flow():
    torch.manual_seed(0)
    base = dist.Normal(draw(M, D), draw(M, D, seed=1).exp()).to_event(1)
    return dist.TransformedDistribution(base, [transforms.affine_autoregressive(D, [8])])


def log_w(estimator):
    weights = log_weights(estimator, M, NUM_DATA, like=torch.zeros(()))
    return weights.expand(M, M)


@pytest.mark.parametrize("estimator", ["mws", "mss"])
@pytest.mark.parametrize("family", [low_rank, dense])
def test_the_marginals_of_a_normal_are_those_of_its_covariance(family, estimator):
    """Row by row and dimension by dimension, from full covariance matrices."""
    q = family()
    z, rows = q.sample(), torch.arange(1.0, M + 1)
    w = log_weights(estimator, M, NUM_DATA, like=z)
    found = aggregate_sums(z, q, w, rows)
    covariance, joint, marginal = q.covariance_matrix, 0.0, torch.zeros(D)
    for i in range(M):
        terms = [
            log_w(estimator)[i, j] + MultivariateNormal(q.mean[j], covariance[j]).log_prob(z[i])
            for j in range(M)
        ]
        joint += rows[i] * torch.stack(terms).logsumexp(0)
        for d in range(D):
            one = [
                log_w(estimator)[i, j]
                + dist.Normal(q.mean[j, d], covariance[j, d, d].sqrt()).log_prob(z[i, d])
                for j in range(M)
            ]
            marginal[d] += rows[i] * torch.stack(one).logsumexp(0)
    torch.testing.assert_close(found.joint, joint)
    torch.testing.assert_close(found.marginal, marginal)


def test_without_correlations_it_is_the_product():
    q = low_rank()
    q = dist.LowRankMultivariateNormal(q.loc, 0 * q.cov_factor, q.cov_diag)
    z, w = q.sample(), log_weights("mss", M, NUM_DATA, like=torch.zeros(()))
    product = dist.Normal(q.loc, q.cov_diag.sqrt())
    for one, other in zip(
        aggregate_sums(z, q, w, torch.ones(M)),
        aggregate_sums(z, product, w, torch.ones(M)),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_images_in_any_dimension_and_masked():
    """Two problems side by side: each is its own, whichever dimension holds the images."""
    q = low_rank((M, 2))
    z = q.sample()
    mask = torch.tensor([[1, 1, 0, 1, 1], [1, 0, 1, 1, 1]]).bool().T
    w = log_weights("mss", M, NUM_DATA, like=z, mask=mask)
    found = aggregate_sums(z, q, w, mask.double(), dim=-2)
    joint = 0.0
    for k in range(2):
        part = dist.LowRankMultivariateNormal(q.loc[:, k], q.cov_factor[:, k], q.cov_diag[:, k])
        own = log_weights("mss", M, NUM_DATA, like=z, mask=mask[:, k])
        joint += aggregate_sums(z[:, k], part, own, mask[:, k].double()).joint
    torch.testing.assert_close(found.joint, joint)


def test_a_flow_has_its_joint_density_alone():
    """Each pair by itself, with the change of variables by autograd."""
    q = flow()
    z = q.sample()
    found = aggregate_sums(z, q, log_weights("mws", M, NUM_DATA, like=z), torch.ones(M))
    [bend], base, total = q.transforms, q.base_dist, 0.0
    for i in range(M):
        u = bend.inv(z[i])
        jacobian = torch.autograd.functional.jacobian(bend, u)
        volume = torch.linalg.slogdet(jacobian).logabsdet
        log_q = dist.Normal(base.base_dist.loc, base.base_dist.scale).log_prob(u).sum(-1) - volume
        total += log_q.logsumexp(0) - math.log(NUM_DATA * M)
    torch.testing.assert_close(found.joint, total)
    assert found.marginal.isnan().all()
    assert marginals_of(q) is None


@pytest.mark.parametrize("family", [low_rank, dense, flow])
def test_the_exact_aggregate_of_joint_densities_in_pieces(family):
    q = family()
    z = draw(7, D, seed=4)
    found = exact_log_density(z, [q, q])
    pairs = torch.stack([q.log_prob(point.expand(M, D)) for point in z])
    torch.testing.assert_close(found.joint, pairs.logsumexp(1) - math.log(M))
    factors = marginals_of(q)
    if factors is None:
        assert found.marginal.isnan().all()
    else:
        each = factors.log_prob(z[:, None]).logsumexp(1) - math.log(M)
        torch.testing.assert_close(found.marginal, each)


def pair(q):
    def guide(x):
        with pyro.plate("data", NUM_DATA, subsample=x):
            pyro.sample("z", q)

    def model(x):
        with pyro.plate("data", NUM_DATA, subsample=x):
            z = pyro.sample("z", dist.Normal(torch.zeros(D), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    return model, guide


def terms(elbo, q):
    pyro.set_rng_seed(0)
    return elbo.terms(*next(iter(elbo._get_traces(*pair(q), (draw(M, D),), {}))))


@pytest.mark.parametrize("family", [low_rank, flow])
def test_alpha_and_the_whole_weigh_what_they_say(family):
    q, one = family(), TraceTC_ELBO("z")
    parts = terms(one, q).parts["z"]
    losses = []
    for weights in ({}, {"alpha": 0.5}, {"beta": 3.0, "gamma": 3.0}):
        pyro.set_rng_seed(0)
        losses.append(TraceTC_ELBO("z", **weights).loss(*pair(q), draw(M, D)))
    assert losses[1] - losses[0] == pytest.approx(-0.5 * parts.mutual_information.item())
    assert losses[2] - losses[0] == pytest.approx(2 * parts.aggregate_kl.item())
    assert parts.total_correlation.isnan() == (family is flow)
    assert terms(one, q).elbo.item() == pytest.approx(-losses[0])


def test_the_total_correlation_of_one_normal_is_its_determinants():
    """All images alike: the aggregate is the posterior, and MSS knows its density exactly."""
    q = dist.LowRankMultivariateNormal(torch.zeros(D), torch.ones(D, 1), torch.ones(D)).expand(
        [200]
    )
    covariance = q.covariance_matrix[0]
    exact = 0.5 * (covariance.diagonal().log().sum() - torch.logdet(covariance))
    means = []
    for seed in range(20):
        pyro.set_rng_seed(seed)
        z = q.sample()
        w = log_weights("mss", 200, 200, like=z)
        found = aggregate_sums(z, q, w, torch.full((200,), 1 / 200))
        means.append(found.joint - found.marginal.sum())
    spread = torch.stack(means)
    assert abs(spread.mean() - exact) < 4 * spread.std() / math.sqrt(20)
    assert exact > 0.1


def test_a_report_of_a_flow_says_what_is_not_known():
    q, reports = flow(), []
    elbo = TraceTC_ELBO("z", alpha=0.5, beta=3.0, gamma=3.0, estimator="mss")
    with elbo.observing(reports.append):
        loss = elbo.loss(*pair(q), draw(M, D))
    assert reports[0].objective == pytest.approx(-loss / NUM_DATA)
    assert math.isfinite(reports[0].mutual_information)
    assert math.isnan(reports[0].total_correlation)


def test_floors_of_a_low_rank_normal_are_under_its_marginals():
    q, floor = low_rank(), 0.8
    pyro.set_rng_seed(0)
    plain = TraceTC_ELBO("z").loss(*pair(q), draw(M, D))
    pyro.set_rng_seed(0)
    floored = TraceTC_ELBO("z", free_bits=floor).loss(*pair(q), draw(M, D))
    pyro.set_rng_seed(0)
    z = q.rsample()
    scale = q.covariance_matrix.diagonal(dim1=-2, dim2=-1).sqrt()
    kl = (dist.Normal(q.loc, scale).log_prob(z) - dist.Normal(0.0, 1.0).log_prob(z)).mean(0)
    missing = (floor - kl).clamp_min(0).sum() * NUM_DATA
    assert missing > 0
    assert floored - plain == pytest.approx(missing.item(), rel=1e-9)
