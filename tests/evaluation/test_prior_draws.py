import torch

from pyro_seatbelt import presets
from pyro_seatbelt.evaluation import prior_images


def test_prior_images_have_their_own_seed():
    family = presets.build("dlgm", layers=2, network="mlp", image_shape=(3, 8, 8), num_data=9)
    one, again = (prior_images(family.model, 5, seed=1) for _ in range(2))
    assert one.shape == (5, 3, 8, 8)
    assert torch.equal(one, again)
    assert not torch.equal(one, prior_images(family.model, 5, seed=2))
