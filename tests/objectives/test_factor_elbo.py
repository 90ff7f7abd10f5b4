"""FactorVAE's two losses, written out, and the two optimisers that one stands for."""

import math

import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI
from pyro.optim import Adam
from torch import nn
from torch.nn.functional import binary_cross_entropy

from pyro_seatbelt import presets
from pyro_seatbelt.objectives import TraceFactor_ELBO, TraceTC_ELBO
from pyro_seatbelt.objectives.factor_elbo import ADAM_BETAS

SHAPE = (1, 4, 4)
NUM_DATA = 60
DIM = 3


@pytest.fixture(autouse=True)
def _local_parameters():
    with pyro.settings.context(module_local_params=True):
        yield


def family(**options):
    torch.manual_seed(0)
    made = presets.build(
        "factor-vae", network="mlp", features=8, hidden=8, latent_dim=DIM, image_shape=SHAPE,
        num_data=NUM_DATA, discriminator_width=8, **{"beta": 3.0} | options,
    )  # fmt: skip
    for module in (made.model, made.guide, made.objective.discriminator):
        module.double()
    return made


def images(count=7):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, *SHAPE, generator=generator, dtype=torch.double)


def written_out(made, x):
    """Eq 2 and the discriminator's loss of Algorithm 2, per image, in plain tensors."""
    torch.manual_seed(3)
    loc, raw = made.guide.conditionals[0].network(made.guide.encoder(x)).chunk(2, -1)
    scale = (6 * torch.tanh(raw / 6)).exp()
    z = loc + scale * torch.randn(loc.shape, dtype=torch.double)
    pixels = made.model.decoder(z).sigmoid()
    log_likelihood = (x * pixels.log() + (1 - x) * (1 - pixels).log()).sum((1, 2, 3))
    log_q = (-0.5 * ((z - loc) / scale) ** 2 - scale.log() - 0.5 * math.log(2 * math.pi)).sum(1)
    log_p = (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(1)
    probability = made.objective.discriminator(z).sigmoid()
    ratio = (probability / (1 - probability)).log()
    vae = -(log_likelihood - (log_q - log_p) - made.objective.beta * ratio).mean()

    half = len(x) // 2
    own, others = z[:half].detach(), z[half:].detach()
    permuted = torch.empty_like(others)
    for image in range(len(others)):
        for d in range(DIM):
            permuted[image, d] = others[(image - d) % len(others), d]
    own, permuted = (made.objective.discriminator(each).sigmoid() for each in (own, permuted))
    classes = [
        binary_cross_entropy(own, torch.ones_like(own)),
        binary_cross_entropy(permuted, torch.zeros_like(permuted)),
    ]
    return vae, sum(classes) / 2, ratio.mean()


def test_both_losses_are_the_published_ones():
    made, x = family(), images()
    vae, discriminator, _ = written_out(made, x)
    pair = [*made.model.parameters(), *made.guide.parameters()]
    own = list(made.objective.discriminator.parameters())
    expected = [
        *torch.autograd.grad(vae, pair, retain_graph=True),
        *torch.autograd.grad(discriminator, own),
    ]
    torch.manual_seed(3)
    loss = made.objective(made.model, made.guide)(x) / NUM_DATA
    gradient = torch.autograd.grad(loss, [*pair, *own])
    assert loss.item() == pytest.approx(vae.item(), rel=1e-12)
    for one, other in zip(gradient, expected, strict=True):
        assert other.norm() > 0
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_one_optimiser_takes_the_steps_of_two():
    one, two = family(), family()
    loss_module = one.objective(one.model, one.guide)
    pair = [*one.model.parameters(), *one.guide.parameters()]
    together = torch.optim.Adam([{"params": pair}, *one.objective.own_groups()], lr=1e-2)
    of_pair = torch.optim.Adam([*two.model.parameters(), *two.guide.parameters()], lr=1e-2)
    own = two.objective.discriminator.parameters()
    of_discriminator = torch.optim.Adam(own, lr=1e-4, betas=ADAM_BETAS)
    for _ in range(3):
        torch.manual_seed(3)
        together.zero_grad()
        (loss_module(images()) / NUM_DATA).backward()
        together.step()

        vae, discriminator, _ = written_out(two, images())
        of_pair.zero_grad()
        vae.backward(retain_graph=True)
        of_discriminator.zero_grad()
        discriminator.backward()
        of_pair.step()
        of_discriminator.step()
    pairs = zip(_weights(one), _weights(two), strict=True)
    for a, b in pairs:
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)


def _weights(made):
    for module in (made.model, made.guide, made.objective.discriminator):
        yield from module.parameters()


def test_without_its_weight_it_is_the_bound(value_and_gradient):
    made = family(beta=0.0)
    loss, gradient = value_and_gradient(made.objective, made.model, made.guide, images())
    plain, expected = value_and_gradient(TraceTC_ELBO("z1"), made.model, made.guide, images())
    assert loss == pytest.approx(plain, rel=1e-12)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("particles", [1, 3])
def test_reports_say_what_is_of_the_discriminator(particles):
    made, x = family(num_particles=particles), images()
    reports = []
    with made.objective.observing(reports.append):
        torch.manual_seed(3)
        loss = made.objective.loss(made.model, made.guide, x)
    [report] = reports
    assert report.objective == pytest.approx(-loss / NUM_DATA)
    assert report.objective == pytest.approx(report.elbo - 3.0 * report.density_ratio)
    assert report.density_ratio != pytest.approx(report.total_correlation, abs=1e-3)
    assert 0 <= report.discriminator_accuracy <= 1
    if particles == 1:
        assert report.density_ratio == pytest.approx(written_out(made, x)[2].item())


class Told(nn.Module):
    """A discriminator that looks whether all dimensions of a draw have the same sign."""

    def forward(self, z):
        together = (z > 0).all(-1) | (z < 0).all(-1)
        return torch.where(together, 1.0, -1.0).to(z)


def test_permuted_draws_mix_images():
    """Images whose dimensions agree in sign are told from permutations by just that."""

    def program(x, obs):
        with pyro.plate("data", len(x)):
            fn = pyro.distributions.Normal(x, 1e-3) if obs is None else obs
            pyro.sample("z", fn.to_event(1))

    signs = torch.tensor([1.0, -1.0, 1.0, -1.0] * 3)[:, None].expand(12, 2)
    elbo = TraceFactor_ELBO("z", Told(), beta=1.0)
    reports = []
    with elbo.observing(reports.append):
        elbo.loss(
            lambda x: program(x, pyro.distributions.Normal(torch.zeros(2), 1.0)),
            lambda x: program(x, None),
            signs,
        )
    assert reports[0].discriminator_accuracy == 1.0
    assert reports[0].density_ratio == 1.0


def test_masked_images_teach_nothing():
    made, x = family(), images(8)
    present = torch.tensor([True, True, False, True, True, False, True, True])

    class Masked(nn.Module):
        def __init__(self, program):
            super().__init__()
            self.program = program

        def forward(self, x):
            return poutine.mask(self.program, present)(x)

    def gradient(x):
        torch.manual_seed(3)
        loss = made.objective(Masked(made.model), Masked(made.guide))(x)
        return torch.autograd.grad(loss, list(made.objective.discriminator.parameters()))

    other = x.clone()
    other[~present] = 1.0
    for one, same in zip(gradient(x), gradient(other), strict=True):
        assert one.norm() > 0
        torch.testing.assert_close(one, same)


def test_one_image_has_a_loss():
    made = family()
    assert math.isfinite(made.objective.loss(made.model, made.guide, images(1)))


def test_svi_is_refused():
    made = family()
    svi = SVI(made.model, made.guide, Adam({"lr": 1e-3}), made.objective)
    with pytest.raises(NotImplementedError, match="SVI does not know of the discriminator"):
        svi.step(images())


def test_messages():
    with pytest.raises(ValueError, match="expected learning_rate > 0, got 0"):
        TraceFactor_ELBO("z", nn.Linear(2, 1), beta=1.0, learning_rate=0.0)
    with pytest.raises(ValueError, match="expected beta >= 0 and finite, got -1"):
        TraceFactor_ELBO("z", nn.Linear(2, 1), beta=-1.0)
