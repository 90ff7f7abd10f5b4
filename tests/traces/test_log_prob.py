import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.log_prob import per_row, read_log_probs, unmasked, weigh
from pyro_seatbelt.traces.programs import trace_pair

NUM_DATA = 40


def model(x):
    with pyro.plate("data", NUM_DATA, subsample=x):
        with pyro.plate("groups", 3, dim=-2):
            z = pyro.sample("z", dist.Normal(0.0, 2.0))
        pyro.sample("x", dist.Normal(z.sum(0)[:, None], 1.0).expand([len(x), 4]).to_event(1), obs=x)


def guide(x):
    with pyro.plate("data", NUM_DATA, subsample=x), pyro.plate("groups", 3, dim=-2):
        pyro.sample("z", dist.Normal(x.mean(1), 0.5))


@pytest.fixture
def x():
    return torch.rand(6, 4)


def test_terms_of_every_image_add_up_to_trace_elbo(x):
    torch.manual_seed(1)
    expected = -Trace_ELBO().loss(model, guide, x)
    torch.manual_seed(1)
    terms = read_log_probs(trace_pair(model, guide, x), lambda site: per_row(site, "data"))
    elbo = terms.observed["x"] + terms.prior["z"] - terms.posterior["z"]
    assert elbo.shape == (6,)
    assert elbo.mean().item() * NUM_DATA == pytest.approx(expected, rel=1e-5)


def test_a_row_is_that_image_alone(x):
    traces = trace_pair(model, guide, x)
    z = traces.guide.nodes["z"]["value"]
    terms = read_log_probs(traces, lambda site: per_row(site, "data"))
    for i in range(6):
        alone = torch.distributions.Normal(0.0, 2.0).log_prob(z[:, i]).sum()
        torch.testing.assert_close(terms.prior["z"][i], alone)


def test_scales_and_masks_count_but_not_the_share_of_the_data_set(x):
    mask = torch.tensor([True, False] * 3)
    handled = poutine.scale(poutine.mask(model, mask=mask), scale=3.0)
    torch.manual_seed(0)
    traces = trace_pair(handled, guide, x)
    torch.manual_seed(0)
    plain = read_log_probs(trace_pair(model, guide, x), lambda site: per_row(site, "data"))
    terms = read_log_probs(traces, lambda site: per_row(site, "data"))
    torch.testing.assert_close(terms.observed["x"], 3 * mask * plain.observed["x"])
    site = traces.model.nodes["x"]
    torch.testing.assert_close(weigh(site, torch.ones(6), "data"), 3.0 * mask)


def test_whole_images_have_no_mask_and_no_scale(x):
    traces = trace_pair(poutine.scale(model, scale=3.0), guide, x).with_log_probs()
    site = traces.model.nodes["x"]
    torch.testing.assert_close(unmasked(site), site["fn"].log_prob(x))
    masked = trace_pair(poutine.mask(model, mask=False), guide, x).with_log_probs()
    with pytest.raises(NotImplementedError, match="site 'x' is masked"):
        unmasked(masked.model.nodes["x"])


def test_a_site_of_no_image_has_no_rows():
    trace = poutine.trace(lambda: pyro.sample("w", dist.Normal(0.0, 1.0))).get_trace()
    with pytest.raises(InputError, match="site 'w' is not inside"):
        per_row(trace.nodes["w"], "data")
