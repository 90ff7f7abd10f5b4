import math

import pyro.distributions as dist
import pytest
import torch

from pyro_seatbelt import presets
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation.reconstruction_bound import constructed_bound
from pyro_seatbelt.models import Likelihood, MLPEncoder, SignedPixels


@pytest.mark.parametrize(("name", "family"), [("gaussian", dist.Normal), ("laplace", dist.Laplace)])
def test_a_scale_in_signed_pixels_is_that_of_their_density_up_to_the_jacobian(name, family):
    logits, x = torch.randn(5, 3, 4, 4), torch.rand(5, 3, 4, 4)
    signed = Likelihood(name, scale=0.1, data_range="signed")(logits)
    written_out = family(2 * logits.sigmoid() - 1, 0.1).to_event(3).log_prob(2 * x - 1)
    log_jacobian = 3 * 4 * 4 * math.log(2)
    assert torch.allclose(signed.log_prob(x), written_out + log_jacobian, rtol=1e-5)
    assert torch.equal(signed.mean, logits.sigmoid())


def test_the_encoder_sees_signed_pixels():
    encoder, x = MLPEncoder((1, 4, 4), 8), torch.rand(3, 1, 4, 4)
    assert torch.equal(SignedPixels(encoder)(x), encoder(2 * x - 1))


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous-bernoulli"])
def test_black_and_white_pixels_have_one_range(likelihood):
    with pytest.raises(InputError, match=r"takes pixels in \[0, 1\], got the data range 'signed'"):
        presets.build("vae", likelihood=likelihood, data_range="signed", num_data=10)


def test_a_bound_holds_in_the_units_of_the_user():
    family = presets.build(
        "vae", network="lipschitz", lipschitz=3.0, likelihood="gaussian", data_range="signed",
        num_data=10,
    )  # fmt: skip
    assert constructed_bound(family.model, family.guide) == 3.0
