import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine

from pyro_seatbelt import presets
from pyro_seatbelt.traces.at_mean import at_mean, has_mean


def test_means_are_propagated():
    def chain():
        a = pyro.sample("a", dist.Normal(2.0, 1.0))
        return pyro.sample("b", dist.Normal(3 * a, 1.0))

    assert at_mean(chain)() == 6


def test_observed_and_replayed_sites_keep_their_values():
    def program():
        pyro.sample("seen", dist.Normal(0.0, 1.0), obs=torch.tensor(9.0))
        return pyro.sample("a", dist.Normal(2.0, 1.0))

    trace = poutine.trace(at_mean(program)).get_trace()
    assert trace.nodes["seen"]["value"] == 9
    assert at_mean(poutine.condition(program, data={"a": torch.tensor(5.0)}))() == 5


def test_a_guide_is_deterministic_and_its_plates_expand():
    family = presets.build("seatbelt", layers=3, network="mlp", image_shape=(1, 8, 8), num_data=9)
    x = torch.rand(4, 1, 8, 8)
    one, other = (at_mean(family.guide)(x) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        assert a.shape == (4, 10)
        assert torch.equal(a, b)


def test_a_distribution_without_a_mean_is_named():
    with pytest.raises(NotImplementedError, match="site 'odd' has no mean"):
        at_mean(
            lambda: pyro.sample(
                "odd",
                dist.TransformedDistribution(
                    dist.Normal(0.0, 1.0), [dist.transforms.TanhTransform()]
                ),
            )
        )()


FLOW = dist.TransformedDistribution(dist.Normal(0.0, 1.0), [dist.transforms.TanhTransform()])


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (dist.Normal(torch.zeros(3), 1.0).to_event(1).mask(torch.tensor(True)), True),
        (dist.Gamma(1.0, 1.0), True),
        (dist.Delta(torch.tensor(1.0)), True),
        (dist.Cauchy(torch.zeros(3), 1.0).to_event(1), False),
        (dist.Categorical(torch.ones(3)), False),
        (dist.Bernoulli(torch.ones(3) / 3).to_event(1), False),
        (FLOW, False),
    ],
)
def test_not_strict_it_draws_where_there_is_no_mean_to_go_on_with(fn, expected):
    assert has_mean(fn) == expected
    with pyro.poutine.seed(rng_seed=0):
        value = at_mean(lambda: pyro.sample("z", fn), strict=False)()
    with pyro.poutine.seed(rng_seed=0):
        drawn = pyro.sample("z", fn)
    assert torch.equal(value, fn.mean if expected else drawn)
