"""Posterior families of a layer, in our guides and under attack."""

from functools import partial

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.distributions.transforms import LeakyReLUTransform, affine_autoregressive
from pyro.infer import Trace_ELBO
from torch import nn

from pyro_seatbelt.attacks import LBFGSB, Attack, LatentKL
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.evaluation import evaluate_heldout
from pyro_seatbelt.guides import BottomUp, TopDown
from pyro_seatbelt.models import (
    ConditionalFlow,
    ConditionalLocationScale,
    ConditionalLowRankNormal,
    ConditionalNormal,
    Hierarchy,
    Likelihood,
    MLPDecoder,
    MLPEncoder,
)
from pyro_seatbelt.objectives import TraceTC_ELBO

SHAPE, NUM_DATA, D = (1, 4, 4), 30, 3
X = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(0))


def location_scale(family):
    return lambda inputs: ConditionalLocationScale(nn.Linear(inputs, 2 * D), family)


FAMILIES = {
    "normal": location_scale(dist.Normal),
    "log-normal": location_scale(dist.LogNormal),
    "laplace": location_scale(dist.Laplace),
    "student-t": location_scale(partial(dist.StudentT, 4.0)),
    "low-rank normal": lambda inputs: ConditionalLowRankNormal(nn.Linear(inputs, 4 * D), 2),
    "elementwise flow": lambda inputs: ConditionalFlow(
        ConditionalNormal(nn.Linear(inputs, 2 * D)), [LeakyReLUTransform()]
    ),
    "autoregressive flow": lambda inputs: ConditionalFlow(
        ConditionalNormal(nn.Linear(inputs, 2 * D)), [affine_autoregressive(D, [8])]
    ),
}


def pair(name, layer, direction="up"):
    """Two layers; one of them, counted from below, has the family, the other is normal."""
    torch.manual_seed(0)
    made = [lambda inputs: ConditionalNormal(nn.Linear(inputs, 2 * D))] * 2
    made[layer] = FAMILIES[name]
    model = Hierarchy(
        MLPDecoder(2 * D, SHAPE, 8),
        Likelihood("bernoulli"),
        [ConditionalNormal(nn.Linear(D, 2 * D))],
        top_dim=D,
        num_data=NUM_DATA,
        skip=True,
    )
    sizes = (8, D) if direction == "up" else (D + 8, 8)
    guide = BottomUp if direction == "up" else TopDown
    heads = [make(inputs) for make, inputs in zip(made, sizes, strict=True)]
    return model, guide(MLPEncoder(SHAPE, 8), heads, num_data=NUM_DATA)


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_on_any_layer_has_pyros_bound(name, layer, direction, assert_same_bound):
    torch.set_default_dtype(torch.float64)  # Pyro's inverse of a flow begins with zeros of it
    try:
        model, guide = (each.double() for each in pair(name, layer, direction))
        ours = TraceTC_ELBO(f"z{layer + 1}")
        assert_same_bound((ours, model, guide), (Trace_ELBO(), model, guide), X.double())
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_trained_attacked_and_evaluated(name):
    model, guide = pair(name, 1)
    weights = {"beta": 2.0, "gamma": 2.0} if name == "autoregressive flow" else {"beta": 2.0}
    elbo = TraceTC_ELBO("z2", **weights)
    with pyro.settings.context(module_local_params=True):
        loss = elbo(model, guide)
        optimizer = torch.optim.Adam(loss.parameters(), lr=0.01)
        before = [p.detach().clone() for p in guide.conditionals[1].parameters()]
        pyro.set_rng_seed(0)
        loss(X).backward()
        optimizer.step()
        after = guide.conditionals[1].parameters()
        assert any(not torch.equal(p, old) for p, old in zip(after, before, strict=True))
        kind = "samples" if "flow" in name or name == "student-t" else "closed-form"
        attack = Attack(LatentKL(estimator=kind), LBFGSB(max_iterations=2), [0.0], samples=2)
        result = attack(model, guide, X[:1], X[1:2])
        images = ResidentImages((255 * X).byte())
        held = evaluate_heldout(model, guide, images, torch.arange(6), latent="z2")
    assert result.distance.isfinite().all()
    assert result.target_nll.isfinite().all()
    whole = held.kl["z2"] - held.mutual_information
    if name == "autoregressive flow":
        assert held.total_correlation != held.total_correlation
        assert "z2" not in held.active_units
    else:
        assert held.total_correlation + held.dimension_wise_kl == pytest.approx(whole, rel=1e-4)


def test_parameters_are_where_the_docstrings_say():
    network = nn.Linear(2, 4 * D)
    q = ConditionalLowRankNormal(network, 2)(torch.ones(1, 2))
    loc, raw, first, second = network(torch.ones(1, 2)).chunk(4, -1)
    scale = (6 * torch.tanh(raw / 6)).exp()
    covariance = torch.diag_embed(scale**2)
    for column in (first, second):
        covariance = covariance + column[..., None] * column[..., None, :]
    torch.testing.assert_close(q.covariance_matrix, covariance)
    torch.testing.assert_close(q.mean, loc)
    heavy = ConditionalLocationScale(nn.Linear(2, 2 * D), partial(dist.StudentT, 4.0))
    fn = heavy(torch.ones(1, 1), torch.ones(1, 1)).base_dist
    loc, raw = heavy.network(torch.ones(1, 2)).chunk(2, -1)
    torch.testing.assert_close(fn.loc, loc)
    torch.testing.assert_close(fn.scale, (6 * torch.tanh(raw / 6)).exp())
    assert (fn.df == 4).all()


def test_a_rank_below_one_is_refused():
    with pytest.raises(ValueError, match="expected rank >= 1, got 0"):
        ConditionalLowRankNormal(nn.Linear(2, 2), 0)
