import pytest
import torch

from pyro_seatbelt import presets
from pyro_seatbelt.evaluation.reconstruction_bound import reconstruction_bound
from pyro_seatbelt.traces.reconstruction import mean_image


def build(name="vae", **options):
    return presets.build(
        name, network="mlp", features=8, hidden=8, image_shape=(1, 8, 8), num_data=9, **options
    )


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous-bernoulli", "gaussian", "laplace"])
@pytest.mark.parametrize(("name", "layers"), [("vae", 1), ("dlgm", 2)])
def test_no_slope_is_steeper(name, layers, likelihood):
    family = build(name, layers=layers, latent_dim=3, likelihood=likelihood)
    family.model.double()
    family.guide.double()
    bound = reconstruction_bound(family.model, family.guide)
    for x in torch.rand(5, 1, 1, 8, 8).double():
        jacobian = torch.autograd.functional.jacobian(
            lambda a: mean_image(family.model, family.guide, a), x
        )
        assert 0 < torch.linalg.matrix_norm(jacobian.reshape(64, 64), ord=2) <= bound


def test_pairs_without_a_bound_are_named():
    family = build("seatbelt", layers=2)
    with pytest.raises(NotImplementedError, match="skip connections"):
        reconstruction_bound(family.model, family.guide)
