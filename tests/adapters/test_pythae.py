"""A model in the manner of pythae, which is not a dependency: what its base classes fix."""

from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, mse_loss

from pyro_seatbelt import from_pythae
from pyro_seatbelt.attacks import Attack, LatentKL
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation import weighted_draws


class ModelOutput(OrderedDict):
    """As `pythae.models.base.base_utils.ModelOutput`: a dict with attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error


class Encoder(nn.Module):
    def __init__(self, with_covariance=True):
        super().__init__()
        self.embedding, self.log_var = nn.Linear(16, 3), nn.Linear(16, 3)
        self.with_covariance = with_covariance

    def forward(self, x):
        flat = x.reshape(-1, 16)
        output = ModelOutput(embedding=self.embedding(flat))
        if self.with_covariance:
            output["log_covariance"] = self.log_var(flat)
        return output


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 16), nn.Sigmoid())

    def forward(self, z):
        return ModelOutput(reconstruction=self.layers(z).reshape(len(z), 1, 4, 4))


class VAE(nn.Module):
    def __init__(self, loss="mse", encoder=None):
        super().__init__()
        self.encoder, self.decoder = encoder or Encoder(), Decoder()
        self.model_config = SimpleNamespace(reconstruction_loss=loss)


@pytest.mark.parametrize(
    ("loss", "constant"), [("mse", 8 * torch.log(torch.tensor(2 * torch.pi))), ("bce", 0.0)]
)
def test_the_likelihood_is_its_reconstruction_loss(pairs, loss, constant):
    vae, x = VAE(loss), pairs.images(4, 1)
    draws = weighted_draws(*from_pythae(vae), x, 1)
    made = vae.decoder(draws.latents["z"][0]).reconstruction
    published = (
        0.5 * mse_loss(made, x, reduction="none")
        if loss == "mse"
        else binary_cross_entropy(made, x, reduction="none")
    )
    expected = published.flatten(1).sum(1) + constant
    torch.testing.assert_close(-draws.log_likelihood[0], expected)
    output = vae.encoder(x)
    posterior = from_pythae(vae)[1].posterior(x)
    torch.testing.assert_close(posterior.mean, output.embedding)
    torch.testing.assert_close(posterior.variance, output.log_covariance.exp())


def test_it_is_attacked(pairs):
    x, target = pairs.images(2, 1), pairs.images(2, 2)
    result = Attack(LatentKL(), weights=[0.0])(*from_pythae(VAE()), x, target)
    assert bool(result.success(covered=0.9).all())


def test_what_is_no_such_model(pairs):
    with pytest.raises(InputError, match="expected a model with an encoder and a decoder, got Lin"):
        from_pythae(nn.Linear(2, 2))
    with pytest.raises(InputError, match="loss is 'l1', not mse or bce: give likelihood="):
        from_pythae(VAE("l1"))
    _, guide = from_pythae(VAE(encoder=Encoder(with_covariance=False)))
    with pytest.raises(InputError, match="output with 'log_covariance' from the encoder, got none"):
        guide(pairs.images(2, 1))
