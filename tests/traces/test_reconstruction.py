import pyro
import pyro.distributions as dist
import pytest
import torch

from pyro_seatbelt import presets
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.at_mean import at_mean
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.reconstruction import reconstruct


@pytest.fixture
def family():
    return presets.build("seatbelt", layers=2, network="mlp", image_shape=(1, 8, 8), num_data=9)


def test_reconstructions_are_means_given_means(family):
    x = torch.rand(4, 1, 8, 8)
    z = torch.cat(at_mean(family.guide)(x), -1)
    expected = family.model.decoder(z).sigmoid()
    torch.testing.assert_close(reconstruct(family.model, family.guide, x), expected)


def labelled_model(x):
    """Observes a label and, under a name of its own and flattened, the image."""
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(torch.zeros(3), 1.0).to_event(1))
        pyro.sample("label", dist.Normal(z[..., 0], 1.0), obs=x.new_zeros(len(x)))
        pixels = dist.Normal(z.sum(-1, keepdim=True).expand(-1, 4), 1.0)
        pyro.sample("pixels", pixels.to_event(1), obs=x.flatten(1))


def labelled_guide(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Normal(x.flatten(1)[:, :3], 1.0).to_event(1))


def test_the_image_is_found_by_its_size_and_gets_its_shape_back():
    x = torch.rand(5, 1, 2, 2)
    sums = x.flatten(1)[:, :3].sum(1)
    expected = sums[:, None, None, None].expand(5, 1, 2, 2)
    torch.testing.assert_close(reconstruct(labelled_model, labelled_guide, x), expected)
    named = reconstruct(labelled_model, labelled_guide, x, site="pixels")
    torch.testing.assert_close(named, expected)


def test_a_model_that_observes_no_image_is_told_so(family):
    x = torch.rand(4, 1, 8, 8)
    with pytest.raises(InputError, match="observes no site called 'pixels' with the 64 elements"):
        reconstruct(family.model, family.guide, x, site="pixels")
    with pytest.raises(InputError, match="observes no site with the 4 elements"):
        reconstruct(labelled_guide, labelled_guide, torch.rand(5, 1, 2, 2))


def test_with_a_seed_every_layer_is_at_a_draw(family):
    x = torch.rand(1, 1, 8, 8).expand(4, 1, 8, 8)
    state = torch.get_rng_state()
    drawn = reconstruct(family.model, family.guide, x, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(drawn, reconstruct(family.model, family.guide, x, seed=1))
    assert not torch.equal(drawn[0], drawn[1])
    with evaluation_mode(family.guide, seed=1):
        z = torch.cat(family.guide(x), -1)
    torch.testing.assert_close(drawn, family.model.decoder(z).sigmoid())
