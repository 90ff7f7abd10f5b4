import math

import pyro
import pytest
import torch
from pyro import poutine
from torch import nn

from pyro_seatbelt import presets
from pyro_seatbelt.guides import Bidirectional
from pyro_seatbelt.models import (
    BidirectionalHierarchy,
    ConditionalNormal,
    Likelihood,
    MLPDecoder,
    MLPEncoder,
)
from pyro_seatbelt.traces.programs import trace_pair
from pyro_seatbelt.traces.sites import sample_sites

SHAPE = (1, 4, 4)
NUM_DATA = 20
DIMS = (4, 3, 2)


def family():
    torch.manual_seed(0)
    made = presets.build(
        "biva", latent_dims=DIMS, network="mlp", features=8, hidden=6, image_shape=SHAPE,
        num_data=NUM_DATA,
    )  # fmt: skip
    made.model.double()
    made.guide.double()
    return made


def images(count=5, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, *SHAPE, generator=generator, dtype=torch.double)


def gaussian(conditional, *given):
    loc, raw = conditional.network(torch.cat(given, -1)).chunk(2, -1)
    return loc, (6 * torch.tanh(raw / 6)).exp()


def draw(loc, scale):
    return loc + scale * torch.randn(loc.shape, dtype=torch.double)


def log_density(z, loc, scale):
    return (-0.5 * ((z - loc) / scale) ** 2 - scale.log() - 0.5 * math.log(2 * math.pi)).sum(-1)


def test_the_loss_is_the_published_one():
    """Eqs 1 to 7 in plain tensors for three layers, with the same noise: value and gradient."""
    model, guide, objective = family()
    x = images()
    with pyro.settings.context(module_local_params=True):
        loss_module = objective(model, guide)
        parameters = list(loss_module.parameters())
        torch.manual_seed(3)
        loss = loss_module(x) / NUM_DATA
    gradient = torch.autograd.grad(loss, parameters)

    torch.manual_seed(3)
    bu1, bu2, top = guide.conditionals
    b1 = guide.encoder(x)
    q1 = gaussian(bu1, b1)
    z1_bu = draw(*q1)
    b2 = guide.upward[0].layers(torch.cat([b1, z1_bu], -1))
    q2 = gaussian(bu2, b2)
    z2_bu = draw(*q2)
    b3 = guide.upward[1].layers(torch.cat([b2, z2_bu], -1))
    q3 = gaussian(top, b3)
    z3 = draw(*q3)
    h2 = model.downward[1].layers(z3)
    q2_td = gaussian(guide.top_down[1], b2, h2)
    z2_td = draw(*q2_td)
    h1 = model.downward[0].layers(torch.cat([z2_bu, z2_td, z3], -1))
    q1_td = gaussian(guide.top_down[0], b1, h1)
    z1_td = draw(*q1_td)
    p1_bu, p1_td, p2_bu, p2_td = model.conditionals
    terms = [
        (z3, q3, (torch.zeros_like(z3), torch.ones_like(z3))),
        (z2_bu, q2, gaussian(p2_bu, h2)),
        (z2_td, q2_td, gaussian(p2_td, h2)),
        (z1_bu, q1, gaussian(p1_bu, h1)),
        (z1_td, q1_td, gaussian(p1_td, h1)),
    ]
    kl = sum(log_density(z, *q) - log_density(z, *p) for z, q, p in terms)
    pixels = model.decoder(torch.cat([z1_bu, z1_td, z2_bu, z2_td, z3], -1)).sigmoid()
    log_likelihood = (x * pixels.log() + (1 - x) * (1 - pixels).log()).sum((1, 2, 3))
    expected = (kl - log_likelihood).mean()

    assert loss.item() == pytest.approx(expected.item(), rel=1e-10)
    for one, other in zip(gradient, torch.autograd.grad(expected, parameters), strict=True):
        assert other.norm() > 0
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-10)


PARENTS = {
    "z1_bu": {"x"},
    "z2_bu": {"x", "z1_bu"},
    "z3": {"x", "z1_bu", "z2_bu"},
    "z2_td": {"x", "z1_bu", "z3"},
    "z1_td": {"x", "z2_bu", "z2_td", "z3"},
}


@pytest.mark.parametrize("site", PARENTS)
def test_posteriors_have_the_published_parents(site):
    guide = family().guide
    sizes = {"z1_bu": 4, "z1_td": 4, "z2_bu": 3, "z2_td": 3, "z3": 2}
    usual = {name: torch.zeros(5, size, dtype=torch.double) for name, size in sizes.items()}

    def loc(x, **changes):
        held = {name: value for name, value in (usual | changes).items() if name != site}
        trace = poutine.trace(poutine.condition(guide, data=held)).get_trace(x)
        return trace.nodes[site]["fn"].base_dist.loc

    before, moved = loc(images()), set()
    if not torch.equal(before, loc(images(seed=2))):
        moved.add("x")
    for name in usual.keys() - {site}:
        if not torch.equal(before, loc(images(), **{name: usual[name] + 1})):
            moved.add(name)
    assert moved == PARENTS[site]


def test_both_programs_share_the_way_down():
    model, guide, objective = family()
    assert all(a is b for a, b in zip(guide.downward, model.downward, strict=True))
    assert model.num_layers == 3
    traces = trace_pair(model, guide, images())
    drawn = [name for name, site in sample_sites(traces.model).items() if not site["is_observed"]]
    assert tuple(reversed(drawn)) == model.latents == guide.latents
    assert objective.latent == model.latents[-1]


def test_one_layer_is_a_vae():
    """The same weights from the same generator."""
    pairs = []
    for name in ("vae", "biva"):
        torch.manual_seed(0)
        pairs.append(
            presets.build(name, layers=1, network="mlp", features=8, image_shape=SHAPE, num_data=9)
        )
    losses = []
    for model, guide, objective in pairs:
        torch.manual_seed(3)
        losses.append(objective.loss(model, guide, images().float()))
    assert losses[0] == losses[1]


def test_messages():
    head = ConditionalNormal(nn.Linear(8, 4))
    with pytest.raises(
        ValueError, match=r"expected 1 networks up, down and of latents.*got 1, 0, 0"
    ):
        Bidirectional(MLPEncoder(SHAPE, 8), [head, head], upward=[nn.Linear(10, 8)], num_data=3)
    decoder = MLPDecoder(6, SHAPE, 8)
    with pytest.raises(ValueError, match="expected a way down to each of 1 layers, got 0"):
        BidirectionalHierarchy(
            decoder, Likelihood("bernoulli"), bottom_up=[head], top_down=[head], top_dim=2,
            num_data=3,
        )  # fmt: skip
