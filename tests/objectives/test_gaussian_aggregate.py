import math

import pytest
import torch
from torch.distributions import Normal
from torch.utils._python_dispatch import TorchDispatchMode

from pyro_seatbelt.objectives import gaussian_aggregate
from pyro_seatbelt.objectives.aggregate import aggregate_log_density, log_weights
from pyro_seatbelt.objectives.gaussian_aggregate import gaussian_aggregate_sums


def problem(batch_size=9, num_columns=2, num_dims=3, *, dtype=torch.float64, spread=1.0):
    shape = (batch_size, num_columns, num_dims)
    loc = spread * torch.randn(shape, dtype=dtype)
    scale = torch.rand(shape, dtype=dtype) + 0.3
    z = loc + scale * torch.randn(shape, dtype=dtype)
    rows = torch.rand(batch_size, num_columns, dtype=dtype)
    return [t.requires_grad_() for t in (z, loc, scale)], rows


def plain_sums(z, loc, scale, weights, rows):
    weights = weights.squeeze(-1) if weights.ndim else weights
    density = aggregate_log_density(Normal(loc, scale).log_prob(z[:, None]), weights)
    return (rows * density.joint).sum(), (rows[..., None] * density.marginal).sum((0, 1))


def weights_of(estimator, batch_size, z):
    weights = log_weights(estimator, batch_size, 100, like=z)
    return weights[..., None] if weights.ndim else weights


@pytest.mark.parametrize("estimator", ["mws", "mss"])
@pytest.mark.parametrize("chunk", [1, 100, 1 << 18])
def test_values_and_gradients_equal_the_plain_form(estimator, chunk, monkeypatch):
    monkeypatch.setitem(gaussian_aggregate.CHUNK_ELEMENTS, "cpu", chunk)
    inputs, rows = problem()
    weights = weights_of(estimator, 9, inputs[0])
    results = []
    for function in (gaussian_aggregate_sums, plain_sums):
        joint, marginal = function(*inputs, weights, rows)
        # unequal weights a dimension, as free bits and beta make them
        total = 0.7 * joint + (marginal * torch.tensor([0.3, -1.1, 2.0]).double()).sum()
        results.append([joint, marginal, *torch.autograd.grad(total, inputs)])
    for fused, plain in zip(*results, strict=True):
        torch.testing.assert_close(fused, plain, rtol=1e-10, atol=1e-11)


def test_gradcheck():
    inputs, rows = problem(4, 1, 2)
    weights = weights_of("mss", 4, inputs[0])
    assert torch.autograd.gradcheck(
        lambda *args: gaussian_aggregate_sums(*args, weights, rows), inputs
    )


def test_small_scales_in_float32():
    """Posteriors as narrow as 0.003: the joint term must not lose nats (no matrix product)."""
    inputs, rows = problem(64, 1, 10, dtype=torch.float64)
    scale = torch.full_like(inputs[2], 0.003)
    z = (inputs[1] + scale * torch.randn_like(scale)).detach()
    exact = gaussian_aggregate_sums(z, inputs[1], scale, torch.tensor(-math.log(6400)), rows)
    single = gaussian_aggregate_sums(
        *(t.float() for t in (z, inputs[1], scale)), torch.tensor(-math.log(6400)), rows.float()
    )
    per_image = (single[0].double() - exact[0]).abs() / rows.sum()
    assert per_image < 0.01


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation makes."""

    numel = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for each in result if isinstance(result, tuple | list) else (result,):
            if isinstance(each, torch.Tensor):
                self.numel = max(self.numel, each.numel())
        return result


def test_no_tensor_is_larger_than_a_chunk_or_the_gradients(monkeypatch):
    """Memory grows with M D, not with M^2 D, forward and backward."""
    monkeypatch.setitem(gaussian_aggregate.CHUNK_ELEMENTS, "cpu", 1 << 12)
    inputs, rows = problem(256, 1, 4)
    with LargestTensor() as largest:
        joint, marginal = gaussian_aggregate_sums(*inputs, torch.tensor(0.0).double(), rows)
        torch.autograd.grad(joint + marginal.sum(), inputs)
    assert 1 << 12 <= largest.numel <= 6 * 256 * 4
    with LargestTensor() as plain:
        plain_sums(*inputs, torch.tensor(0.0).double(), rows)
    assert plain.numel >= 256 * 256 * 4


def test_no_gradient_is_formed_when_none_is_needed():
    inputs, rows = problem()
    with torch.no_grad():
        joint, marginal = gaussian_aggregate_sums(*inputs, torch.tensor(0.0).double(), rows)
    assert not joint.requires_grad
    assert not marginal.requires_grad
