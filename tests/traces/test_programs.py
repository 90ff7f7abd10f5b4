import pyro
import pyro.distributions as dist
import torch
from torch import nn

from pyro_seatbelt.traces.programs import modules_of, trace_pair


def model(x):
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def guide(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Normal(10 * x, 1e-6))


def test_the_guide_reads_one_image_and_the_model_observes_another():
    x, other = torch.rand(5), torch.rand(5)
    traces = trace_pair(model, guide, x, observed=other)
    torch.testing.assert_close(traces.guide.nodes["z"]["value"], 10 * x, rtol=0, atol=1e-4)
    assert traces.model.nodes["z"]["value"] is traces.guide.nodes["z"]["value"]
    assert traces.model.nodes["x"]["value"] is other
    assert trace_pair(model, guide, x).model.nodes["x"]["value"] is x


def test_modules_are_found_behind_methods_and_each_once():
    shared = nn.Linear(2, 2)
    one, other = nn.Sequential(shared), nn.Sequential(shared)
    assert list(modules_of(one, other.forward, None, guide)) == [one, shared, other]
