import pytest
import torch
from pyro import poutine
from torch import nn

from pyro_seatbelt.models import ConditionalNormal, Hierarchy, Likelihood, MLPDecoder


def hierarchy(*, skip, num_data=20):
    torch.manual_seed(0)
    return Hierarchy(
        MLPDecoder(6 if skip else 3, (1, 4, 4), 16),
        Likelihood("bernoulli"),
        [ConditionalNormal(nn.Linear(2, 6)), ConditionalNormal(nn.Linear(1, 4))],
        top_dim=1,
        num_data=num_data,
        skip=skip,
    )


@pytest.mark.parametrize("skip", [False, True])
def test_the_density_is_that_of_equations_6_and_8(skip):
    model = hierarchy(skip=skip)
    x = torch.rand(5, 1, 4, 4)
    trace = poutine.trace(model).get_trace(x)
    z1, z2, z3 = (trace.nodes[name]["value"] for name in ("z1", "z2", "z3"))
    logits = model.decoder(torch.cat([z1, z2, z3], -1) if skip else z1)
    low, middle = model.conditionals
    expected = (
        torch.distributions.Normal(0.0, 1.0).log_prob(z3).sum(-1)
        + middle(z3).log_prob(z2)
        + low(z2).log_prob(z1)
        - nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((1, 2, 3))
    )
    trace.compute_log_prob()
    actual = sum(trace.nodes[name]["unscaled_log_prob"] for name in ("z1", "z2", "z3", "x"))
    torch.testing.assert_close(actual, expected)
    assert trace.nodes["x"]["scale"] == pytest.approx(4)
    assert model.num_layers == 3


def test_without_images_it_draws_them():
    images = hierarchy(skip=True)(num_images=7)
    assert images.shape == (7, 1, 4, 4)
    assert set(images.unique().tolist()) <= {0.0, 1.0}


def test_the_prior_follows_the_module():
    model = hierarchy(skip=False).double()
    assert poutine.trace(model).get_trace(num_images=2).nodes["z3"]["value"].dtype == torch.float64
    assert not any("zero" in name for name in model.state_dict())


def test_messages():
    with pytest.raises(ValueError, match="expected num_data >= 1, got 0"):
        hierarchy(skip=False, num_data=0)
