import torch

from pyro_seatbelt import presets
from pyro_seatbelt.evaluation import prior_images, reconstruct
from pyro_seatbelt.traces.at_mean import at_mean


def test_reconstructions_are_means_given_means():
    family = presets.build("seatbelt", layers=2, network="mlp", image_shape=(1, 8, 8), num_data=9)
    x = torch.rand(4, 1, 8, 8)
    z = torch.cat(at_mean(family.guide)(x), -1)
    expected = family.model.decoder(z).sigmoid()
    torch.testing.assert_close(reconstruct(family.model, family.guide, x), expected)


def test_prior_images_have_their_own_seed():
    family = presets.build("dlgm", layers=2, network="mlp", image_shape=(3, 8, 8), num_data=9)
    one, again = (prior_images(family.model, 5, seed=1) for _ in range(2))
    assert one.shape == (5, 3, 8, 8)
    assert torch.equal(one, again)
    assert not torch.equal(one, prior_images(family.model, 5, seed=2))
