import pytest
import torch

from pyro_seatbelt import presets
from pyro_seatbelt.evaluation import traverse
from pyro_seatbelt.traces.at_mean import at_mean

VALUES = (-3.0, 0.0, 2.0)


def build(name, layers):
    torch.manual_seed(0)
    return presets.build(
        name, layers=layers, latent_dim=4, network="mlp", image_shape=(1, 8, 8), num_data=9
    )


def decode(pair, z):
    pair.model.eval()
    with torch.no_grad():
        return pair.model.decoder(torch.cat(z, -1) if pair.model.skip else z[0]).sigmoid()


@pytest.fixture
def x():
    return torch.rand(1, 1, 8, 8)


def test_one_layer_has_the_values_themselves(x):
    pair = build("vae", 1)
    moved = traverse(pair.model, pair.guide, x, latent="z1", values=VALUES)
    assert moved.shape == (4, 3, 1, 8, 8)
    [mean] = at_mean(pair.guide)(x)
    for dimension in range(4):
        for column, value in enumerate(VALUES):
            z = mean.detach().clone()
            z[0, dimension] = value
            torch.testing.assert_close(moved[dimension, column], decode(pair, [z])[0])


@pytest.mark.parametrize("name", ["dlgm", "seatbelt"])
def test_layers_below_follow_and_layers_above_stay(name, x):
    pair = build(name, 3)
    below, prior = pair.model.conditionals
    z1, z2, z3 = (mean.detach() for mean in at_mean(pair.guide)(x))
    top = z3.clone()
    top[0, 1] = 2.0
    second = prior(top).mean.detach()
    expected = decode(pair, [below(second).mean.detach(), second, top])
    moved = traverse(pair.model, pair.guide, x, latent="z3", values=VALUES)
    torch.testing.assert_close(moved[1, 2], expected[0])
    assert not torch.equal(moved[1, 0], moved[1, 2])

    fn = prior(z3)
    middle = z2.clone()
    middle[0, 0] = (fn.mean - 3 * fn.stddev)[0, 0]
    expected = decode(pair, [below(middle).mean.detach(), middle.detach(), z3])
    moved = traverse(pair.model, pair.guide, x, latent="z2", values=VALUES, dimensions=[0])
    assert len(moved) == 1
    torch.testing.assert_close(moved[0, 0], expected[0])

    fn = below(z2)
    base = z1.clone()
    base[0, 3] = fn.mean[0, 3]
    expected = decode(pair, [base.detach(), z2, z3])
    moved = traverse(pair.model, pair.guide, x, latent="z1", values=VALUES)
    torch.testing.assert_close(moved[3, 1], expected[0])


def test_messages(x):
    pair = build("vae", 1)
    with pytest.raises(ValueError, match="no latent site 'z2': choose from z1"):
        traverse(pair.model, pair.guide, x, latent="z2", values=VALUES)
    with pytest.raises(ValueError, match="expected one image, got 2"):
        traverse(pair.model, pair.guide, x.repeat(2, 1, 1, 1), latent="z1", values=VALUES)
