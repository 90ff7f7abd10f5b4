import math

import pytest
import torch
from torch.distributions import Laplace, Normal

from pyro_seatbelt.objectives import gaussian_aggregate
from pyro_seatbelt.objectives.aggregate import (
    aggregate_log_density,
    aggregate_sums,
    exact_log_density,
    log_weights,
)


def slow_log_density(z, loc, scale, weights):
    """Loops over samples, posteriors and dimensions, in float64."""
    num_rows, num_dims = z.shape
    joint, marginal = torch.zeros(num_rows), torch.zeros(num_rows, num_dims)
    joint, marginal = joint.double(), marginal.double()
    for i in range(num_rows):
        density, factors = 0.0, [0.0] * num_dims
        for j in range(len(loc)):
            product = 1.0
            for d in range(num_dims):
                u = (z[i, d].item() - loc[j, d].item()) / scale[j, d].item()
                p = math.exp(-0.5 * u * u) / (scale[j, d].item() * math.sqrt(2 * math.pi))
                product *= p
                factors[d] += weights[i][j] * p
            density += weights[i][j] * product
        joint[i] = math.log(density)
        marginal[i] = torch.tensor([math.log(f) for f in factors], dtype=torch.float64)
    return joint, marginal


def slow_weights(estimator, batch_size, num_data):
    rows = []
    for i in range(batch_size):
        row = []
        for j in range(batch_size):
            if estimator == "mws":
                row.append(1 / (num_data * batch_size))
            elif i == j:
                row.append(1 / num_data)
            elif j == (i + 1) % batch_size:
                row.append((num_data - batch_size + 1) / (num_data * (batch_size - 1)))
            else:
                row.append(1 / (batch_size - 1))
        rows.append(row)
    return rows


def published_weights(batch_size, num_data):
    """The matrix of Chen et al.'s code: 1/N in the first column instead of on the diagonal."""
    others = batch_size - 1
    weights = torch.full((batch_size, batch_size), 1 / others, dtype=torch.float64)
    weights.view(-1)[:: others + 1] = 1 / num_data
    weights.view(-1)[1 :: others + 1] = (num_data - others) / (num_data * others)
    weights[others - 1, 0] = (num_data - others) / (num_data * others)
    return weights.log()


def mixture(num_data=2000, num_dims=10, *, scale=0.3, seed=0):
    """Narrow posteriors with correlated means: their aggregate has a total correlation."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(num_data, num_dims, generator=generator, dtype=torch.float64)
    shared = torch.randn(num_data, 1, generator=generator, dtype=torch.float64)
    return noise + 0.3 * shared, torch.full_like(noise, scale)


@pytest.mark.parametrize("estimator", ["mws", "mss"])
def test_estimates_equal_slow_code(estimator):
    z, loc = torch.randn(5, 3).double(), torch.randn(5, 3).double()
    scale = torch.rand(5, 3).double() + 0.2
    log_q = Normal(loc, scale).log_prob(z[:, None])
    fast = aggregate_log_density(log_q, log_weights(estimator, 5, 40, like=z))
    joint, marginal = slow_log_density(z, loc, scale, slow_weights(estimator, 5, 40))
    torch.testing.assert_close(fast.joint, joint, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(fast.marginal, marginal, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("batch_size", "num_data"), [(2, 2), (2, 7), (5, 40), (64, 86366)])
def test_stratified_rows_sum_to_one_with_the_diagonal_one_over_n(batch_size, num_data):
    weights = log_weights("mss", batch_size, num_data, like=torch.zeros((), dtype=torch.float64))
    torch.testing.assert_close(weights.exp().sum(1), torch.ones(batch_size).double())
    expected = torch.full((batch_size,), 1 / num_data, dtype=torch.float64)
    torch.testing.assert_close(weights.exp().diagonal(), expected)


def test_stratified_density_is_unbiased():
    """Over minibatches, the mean estimated density is the exact one."""
    loc, scale = mixture(300, 2)
    generator = torch.Generator().manual_seed(1)
    z = loc[0] + scale[0] * torch.randn(2, generator=generator, dtype=torch.float64)
    exact = exact_log_density(z[None], [Normal(loc, scale)]).joint.exp().item()
    weights = log_weights("mss", 8, 300, like=z)
    # 20,000 minibatches: the image that z was drawn from, and 7 others without replacement
    others = 1 + torch.rand(20000, 299, generator=generator).argsort(1)[:, :7]
    batches = torch.cat([torch.zeros(20000, 1, dtype=torch.long), others], 1)
    log_q = Normal(loc[batches], scale[batches]).log_prob(z).sum(-1)
    estimates = (weights[0] + log_q).logsumexp(1).exp() / exact
    error = estimates.std() / math.sqrt(len(estimates))
    assert abs(estimates.mean() - 1) < 3 * error
    assert error < 0.02


def test_total_correlation_of_a_toy_mixture():
    """MSS is within 5 % of the exact aggregate; the matrix published elsewhere and MWS are not."""
    loc, scale = mixture()
    generator = torch.Generator().manual_seed(2)
    z = loc + scale * torch.randn(loc.shape, generator=generator, dtype=torch.float64)
    density = exact_log_density(z, [Normal(loc, scale)])
    exact = (density.joint - density.marginal.sum(-1)).mean().item()
    batch_size = 250
    weights = {
        "mss": log_weights("mss", batch_size, len(loc), like=z),
        "mws": log_weights("mws", batch_size, len(loc), like=z),
        "published": published_weights(batch_size, len(loc)),
    }
    estimates = {name: [] for name in weights}
    for batch in torch.randperm(len(loc), generator=generator).split(batch_size):
        log_q = Normal(loc[batch], scale[batch]).log_prob(z[batch][:, None])
        for name, matrix in weights.items():
            estimate = aggregate_log_density(log_q, matrix)
            estimates[name].append((estimate.joint - estimate.marginal.sum(-1)).mean())
    mean = {name: torch.stack(values).mean().item() for name, values in estimates.items()}
    assert 4 < exact < 6
    assert abs(mean["mss"] / exact - 1) < 0.05
    assert abs(mean["published"] / exact - 1) > 0.2
    # weighted sampling is off by (D - 1) log N; what remains is its own small-batch error
    shift = (loc.shape[1] - 1) * math.log(len(loc))
    assert mean["mws"] == pytest.approx(exact + shift, rel=0.05)


def test_the_two_estimates_have_nearly_the_same_gradient_as_self_normalised():
    """MWS and its 1/M form differ by a constant: equal gradients."""
    loc = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    z = (loc + 0.1).detach()
    gradients = []
    for weights in (log_weights("mws", 6, 1000, like=z), torch.tensor(-math.log(6.0)).double()):
        density = aggregate_log_density(Normal(loc, 1.0).log_prob(z[:, None]), weights)
        total = density.joint.sum() - density.marginal.sum()
        gradients.append(torch.autograd.grad(total, loc)[0])
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("estimator", ["mws", "mss"])
def test_masked_images_are_no_part_of_the_mixture(estimator):
    z, loc, scale = (
        torch.randn(6, 3).double(),
        torch.randn(6, 3).double(),
        torch.ones(6, 3).double(),
    )
    mask = torch.tensor([True, False, True, True, False, True])
    log_q = Normal(loc, scale).log_prob(z[:, None])
    masked = aggregate_log_density(log_q, log_weights(estimator, 6, 50, like=z, mask=mask))
    kept = Normal(loc[mask], scale[mask]).log_prob(z[mask][:, None])
    alone = aggregate_log_density(kept, log_weights(estimator, 4, 50, like=z))
    torch.testing.assert_close(masked.joint[mask], alone.joint)
    torch.testing.assert_close(masked.marginal[mask], alone.marginal)


def test_mask_that_differs_between_columns():
    mask = torch.tensor([[True, True], [True, False], [True, True]])
    both = log_weights("mss", 3, 9, like=torch.zeros(()), mask=mask)
    assert both.shape == (3, 3, 2)
    for k in range(2):
        alone = log_weights("mss", 3, 9, like=torch.zeros(()), mask=mask[:, k])
        torch.testing.assert_close(both[..., k], alone)


@pytest.mark.parametrize("family", [Normal, Laplace])
def test_sums_are_those_of_the_plain_densities_with_extra_dimensions(family):
    shape = (2, 5, 3, 4)  # particles, images, a plate inside, dimensions
    z, loc = torch.randn(shape).double(), torch.randn(shape).double()
    posterior = family(loc, torch.rand(shape).double() + 0.3)
    rows = torch.rand(shape[:-1]).double()
    weights = log_weights("mss", 5, 50, like=z)
    sums = aggregate_sums(z, posterior, weights, rows, dim=-2)
    joint, marginal = 0.0, torch.zeros(4).double()
    for p in range(2):
        for t in range(3):
            column = family(posterior.loc[p, :, t], posterior.scale[p, :, t])
            density = aggregate_log_density(column.log_prob(z[p, :, t][:, None]), weights)
            joint += (rows[p, :, t] * density.joint).sum()
            marginal += (rows[p, :, t, None] * density.marginal).sum(0)
    torch.testing.assert_close(sums.joint, joint)
    torch.testing.assert_close(sums.marginal, marginal)


def test_exact_density_in_pieces_and_chunks(monkeypatch):
    loc, scale = mixture(30, 3)
    z = torch.randn(7, 3, dtype=torch.float64)
    whole = exact_log_density(z, [Normal(loc, scale)])
    monkeypatch.setitem(gaussian_aggregate.CHUNK_ELEMENTS, "cpu", 64)
    pieces = [Normal(a, b) for a, b in zip(loc.split(11), scale.split(11), strict=True)]
    chunked = exact_log_density(z, pieces)
    slow = slow_log_density(z, loc, scale, [[1 / 30] * 30] * 7)
    for density in (whole, chunked):
        torch.testing.assert_close(density.joint, slow[0], rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(density.marginal, slow[1], rtol=1e-10, atol=1e-10)


def test_messages():
    like = torch.zeros(())
    with pytest.raises(ValueError, match="holds 8 images but the data set only 4"):
        log_weights("mws", 8, 4, like=like)
    assert log_weights("mss", 1, 4, like=like).isnan().all()
    with pytest.raises(ValueError, match="unknown estimator 'iwae': choose from mws, mss"):
        log_weights("iwae", 2, 4, like=like)
    with pytest.raises(ValueError, match="at least one image, got none"):
        exact_log_density(torch.zeros(1, 2), [])
    assert log_weights("mss", 1, 1, like=like).tolist() == [[0.0]]
