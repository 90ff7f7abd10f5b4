import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from torch import nn
from torch.distributions import kl_divergence

from pyro_seatbelt.attacks import LatentKL, Output
from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.traces.frozen_noise import FrozenNoise, frozen_noise


def test_output_is_the_negative_bound_of_the_target(bind, chain):
    model, guide, x, target = chain
    x, target = x[:1], target[:1]
    samples = 20_000
    found = bind(Output(), model, guide, x, target, samples=samples)(x, torch.arange(1)).item()
    # the bound over fresh draws, with the guide reading x and the model explaining the target
    many_x, many_target = x.expand(samples, -1, -1, -1), target.expand(samples, -1, -1, -1)
    guide_trace = poutine.trace(guide).get_trace(many_x)
    model_trace = poutine.trace(poutine.replay(model, trace=guide_trace)).get_trace(many_target)
    per_image = samples / 1000  # the plate stands for 1000 images
    bound = (model_trace.log_prob_sum() - guide_trace.log_prob_sum()) * per_image / samples
    assert found == pytest.approx(-bound.item(), rel=0.01)


def test_output_on_itself_is_pyros_loss(bind, chain):
    model, guide, x, _ = chain
    ours = bind(Output(), model, guide, x, x)(x, torch.arange(5)).mean()
    frozen = frozen_noise(guide, FrozenNoise(range(5)), range(5))
    theirs = Trace_ELBO().differentiable_loss(model, frozen, x) / 1000
    torch.testing.assert_close(ours, theirs)


def test_output_with_one_layer_has_the_closed_form_divergence(bind, pairs):
    model, guide = pairs.ChainModel(1).double().eval(), pairs.ChainGuide(1).double().eval()
    x, target = pairs.images(3, 1).double(), pairs.images(3, 2).double()
    found = bind(Output(), model, guide, x, target)(x, torch.arange(3))
    pair = read_pair(model, guide, x)
    trace = pair.trace_guide(x, LatentDraws.frozen(range(3), 1, seed=0), torch.arange(3))
    posterior, z = trace.nodes["z1"]["fn"], trace.nodes["z1"]["value"]
    prior = dist.Normal(torch.zeros_like(z), 1.0).to_event(1)
    image = model.decoder(z).view(-1, 1, 4, 4).sigmoid()
    log_likelihood = dist.Normal(image, 0.3).to_event(3).log_prob(target)
    torch.testing.assert_close(found, kl_divergence(posterior, prior) - log_likelihood)


class ScaledModel(nn.Module):
    def __init__(self, inner, scale, mask):
        super().__init__()
        self.inner, self.scale, self.mask = inner, scale, mask

    def forward(self, x):
        with poutine.scale(scale=self.scale), poutine.mask(mask=self.mask):
            return self.inner(x)


def test_scale_and_mask_of_the_model_count(bind, chain):
    model, guide, x, target = chain
    rows = torch.arange(5)
    plain = bind(Output(), model, guide, x, target)(x, rows)
    masked = bind(Output(), ScaledModel(model, 1.0, False), guide, x, target)(x, rows)
    doubled = bind(Output(), ScaledModel(model, 2.0, True), guide, x, target)(x, rows)
    torch.testing.assert_close(doubled - masked, 2 * (plain - masked))
    assert not torch.equal(plain, masked)


def test_tutorial_vae_with_bound_methods(bind, pairs):
    vae = pairs.TutorialVAE().train()
    x, target = pairs.images(4, 1), pairs.images(4, 2)
    for objective in (LatentKL(), Output()):
        distance = bind(objective, vae.model, vae.guide, x, target)
        assert distance(x, torch.arange(4)).shape == (4,)


def test_plates_of_other_names_are_found(bind, pairs):
    model, guide = (
        pairs.ChainModel(plate="photos").eval(),
        pairs.ChainGuide(plate="pictures").eval(),
    )
    x, target = pairs.images(4, 1), pairs.images(4, 2)
    pair = read_pair(model, guide, x)
    assert (pair.plate, pair.model_plate) == ("pictures", "photos")
    named = bind(Output(), model, guide, x, target)(x, torch.arange(4))
    usual = bind(Output(), pairs.ChainModel().eval(), pairs.ChainGuide().eval(), x, target)(
        x, torch.arange(4)
    )
    torch.testing.assert_close(named, usual)
