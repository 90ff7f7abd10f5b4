import pyro
import pyro.distributions as dist
import torch

from pyro_seatbelt.evaluation import active_units
from pyro_seatbelt.evaluation.units import num_active_units
from pyro_seatbelt.traces.posteriors import posterior_means


def test_a_variance_above_one_hundredth_counts():
    means = torch.stack([torch.linspace(-1, 1, 9), torch.linspace(-0.1, 0.1, 9), torch.ones(9)], 1)
    assert num_active_units(means) == 1
    assert num_active_units(torch.zeros(1, 4)) == 0


def test_noise_of_a_lower_layer_does_not_count():
    """z1 is all noise, z2 copies it: the means of neither depend on the image."""

    def guide(x):
        with pyro.plate("data", 9, subsample=x):
            z1 = pyro.sample("z1", dist.Normal(torch.zeros(len(x), 2), 1.0).to_event(1))
            pyro.sample("z2", dist.Normal(z1, 0.1).to_event(1))
            pyro.sample("z3", dist.Normal(x.flatten(1)[:, :2] * 9, 0.1).to_event(1))

    x = torch.rand(9, 1, 4, 4)
    assert active_units(guide, x) == {"z1": 0, "z2": 0, "z3": 2}
    assert posterior_means(guide, x)["z3"].shape == (9, 2)
