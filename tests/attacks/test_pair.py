import pyro
import pyro.distributions as dist
import pytest
import torch

from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.errors import InputError


def loc_of(x):
    return x.flatten(1)[:, :3]


def no_plate(x):
    pyro.sample("z", dist.Normal(loc_of(x), 1.0).to_event(1))


def outside(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Normal(loc_of(x), 1.0).to_event(1))
    pyro.sample("w", dist.Normal(0.0, 1.0))


def discrete(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Bernoulli(loc_of(x)).to_event(1))


def point(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Delta(loc_of(x), event_dim=1))


def nothing(x):
    pass


def prior(x):
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(torch.zeros(len(x), 3), 1.0).to_event(1))
        pyro.sample("x", dist.Normal(z.sum(1), 1.0), obs=x.flatten(1).sum(1))


@pytest.mark.parametrize(
    ("guide", "layers", "message"),
    [
        (outside, "all", "site 'w' is not inside a vectorised plate 'data'"),
        (no_plate, "all", r"expected one vectorised plate of the guide.*found 0 \(plates: none\)"),
        (discrete, "all", r"site 'z': Independent\(Bernoulli, 1\) has no rsample"),
        (point, "all", "site 'z' holds a Delta, as autoguides such as AutoNormal.*write a guide"),
        (outside, ["q"], "no latent site 'q': choose among z, w, or all, top, base"),
        (outside, "top", "layers='top' needs the model"),
        (outside, [], "expected one layer or more, got none"),
        (nothing, "all", "expected one vectorised plate|no latent site"),
    ],
)
def test_pairs_that_cannot_be_attacked(guide, layers, message):
    with pytest.raises(InputError, match=message):
        read_pair(None, guide, torch.rand(4, 1, 4, 4), layers)


def test_site_outside_the_plate_may_be_there_if_it_is_not_attacked():
    pair = read_pair(None, outside, torch.rand(4, 1, 4, 4), ["z"])
    assert pair.layers == ("z",)


def test_autonormal_is_refused_with_the_way_out():
    guide = pyro.infer.autoguide.AutoNormal(prior)
    with pytest.raises(InputError, match=r"AutoNormal.*pyro.sample\('z', dist.Normal"):
        read_pair(prior, guide, torch.rand(4, 1, 4, 4))


def test_model_site_without_posterior():
    def model(x):
        with pyro.plate("data", len(x)):
            pyro.sample("v", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(0.0, 1.0), obs=x.flatten(1).sum(1))

    with pytest.raises(InputError, match="model site 'v' has no posterior"):
        read_pair(model, amortised, torch.rand(4, 1, 4, 4))


def amortised(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Normal(loc_of(x), 1.0).to_event(1))


def test_images_of_the_wrong_size(pairs):
    with pytest.raises(InputError, match=r"guide cannot run on 2 images of shape \(1, 5, 5\)"):
        read_pair(None, pairs.ChainGuide(), torch.rand(4, 1, 5, 5))


def test_layers_are_ordered_by_the_model(pairs):
    def top_down(x):
        with pyro.plate("data", len(x)):
            for site in ("z3", "z2", "z1"):
                pyro.sample(site, dist.Normal(loc_of(x), 1.0).to_event(1))

    x = torch.rand(4, 1, 4, 4)
    model = pairs.ChainModel(3)
    assert read_pair(model, top_down, x).latents == ("z1", "z2", "z3")
    assert read_pair(model, top_down, x, "top").layers == ("z3",)
    assert read_pair(model, top_down, x, "base").layers == ("z1",)


def test_looking_at_a_pair_leaves_the_generator_alone(pairs):
    model, guide, x = pairs.ChainModel(), pairs.ChainGuide(), pairs.images(5, 1)
    before = torch.get_rng_state()
    read_pair(model, guide, x)
    assert torch.equal(before, torch.get_rng_state())
