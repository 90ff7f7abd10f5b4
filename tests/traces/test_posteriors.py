from contextlib import ExitStack

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine

from pyro_seatbelt.traces.log_prob import per_row
from pyro_seatbelt.traces.plates import data_plate
from pyro_seatbelt.traces.posteriors import gaussian_posterior, read_posterior

FAMILIES = {
    "diagonal": lambda x: dist.Normal(x, 0.5).to_event(1),
    "Laplace": lambda x: dist.Laplace(x, 0.5).to_event(1),
    "full covariance": lambda x: dist.MultivariateNormal(x, torch.eye(4) + 0.3),
    "masked": lambda x: dist.Normal(x, 0.5).mask(torch.tensor([1, 0, 1, 1]).bool()).to_event(1),
}


def posterior_of(family, *, groups=()):
    """The posterior at a site of six images, with or without a plate inside that of the images."""

    def guide(x):
        with ExitStack() as stack:
            stack.enter_context(pyro.plate("data", 6, dim=-1 - len(groups)))
            for i, size in enumerate(groups):
                stack.enter_context(pyro.plate(f"groups{i}", size, dim=-1 - i))
            pyro.sample("z", FAMILIES[family](x))

    x = torch.rand(6, *reversed(groups), 4)
    site = poutine.trace(guide).get_trace(x).nodes["z"]
    axis = data_plate(site, "data").axis
    return site, read_posterior("z", site["fn"], site["value"], axis)


@pytest.mark.parametrize("groups", [(), (3,), (3, 2)])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_density_of_a_row_is_that_of_its_site(family, groups):
    site, posterior = posterior_of(family, groups=groups)
    log_prob = posterior.log_prob(posterior.value)
    assert log_prob.shape == (6,)
    torch.testing.assert_close(log_prob, per_row(site, "data"))


def test_a_diagonal_gaussian_has_its_moments_row_by_row():
    site, posterior = posterior_of("diagonal", groups=(3,))
    assert posterior.loc.shape == posterior.scale.shape == posterior.value.shape == (6, 12)
    for i in range(6):
        assert torch.equal(posterior.loc[i], site["fn"].base_dist.loc[i].flatten())
        assert torch.equal(posterior.value[i], site["value"][i].flatten())
    again = gaussian_posterior("z", posterior.loc, posterior.scale, posterior.value)
    assert torch.equal(again.log_prob(again.value), posterior.log_prob(posterior.value))


@pytest.mark.parametrize("family", ["Laplace", "full covariance", "masked"])
def test_other_families_stay_as_they_are(family):
    site, posterior = posterior_of(family)
    assert posterior.fn is site["fn"]
    assert posterior.loc is None
    assert posterior.scale is None
