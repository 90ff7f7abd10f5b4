"""What every member of the family does, with every guide and every likelihood."""

from itertools import cycle
from typing import get_args

import pyro
import pytest
import torch
from pyro.infer import Trace_ELBO

from pyro_seatbelt import presets
from pyro_seatbelt.family import CHAIN_GUIDES, PRESETS, LikelihoodName
from pyro_seatbelt.objectives import TraceTC_ELBO
from pyro_seatbelt.traces.programs import trace_pair
from pyro_seatbelt.traces.sites import sample_sites

NUM_DATA = 50
SHAPE = (1, 4, 4)

PAIRS = [(name, guide) for name, preset in PRESETS.items() for guide in preset.guides]

pairs = pytest.mark.parametrize(("name", "guide"), PAIRS)
guides = pytest.mark.parametrize("guide", CHAIN_GUIDES)
likelihoods = pytest.mark.parametrize("likelihood", get_args(LikelihoodName))
every_pair = pytest.mark.parametrize(
    ("name", "guide", "likelihood"),
    [
        (name, guide, likelihood)
        for (name, guide), likelihood in zip(PAIRS, cycle(get_args(LikelihoodName)), strict=False)
    ],
)
"""Every member with every guide that it may have, each with one of the likelihoods in turn."""


def build(name, guide, likelihood="bernoulli", *, seed=0, **options):
    layers = 1 if "layers" in PRESETS[name].unused else 3
    small = {"network": "mlp", "features": 24, "image_shape": SHAPE, "layers": layers}
    if PRESETS[name].correlation == "density-ratio":
        small["discriminator_width"] = 8
    options = small | options
    torch.manual_seed(seed)
    return presets.build(
        name, guide=guide, likelihood=likelihood, num_data=NUM_DATA, latent_dim=3, hidden=8,
        **options,
    )  # fmt: skip


def images(count=5, dtype=torch.float32, shape=SHAPE):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pairs
@likelihoods
def test_every_image_has_latents_and_a_likelihood(name, guide, likelihood):
    family = build(name, guide, likelihood)
    traces = trace_pair(family.model, family.guide, images())
    latents = set(family.model.latents)
    assert set(sample_sites(traces.guide)) == latents
    assert set(sample_sites(traces.model)) == latents | {"x"}
    for trace in traces:
        for site in sample_sites(trace).values():
            [frame] = site["cond_indep_stack"]
            assert (frame.name, frame.size, frame.full_size) == ("data", 5, NUM_DATA)
            assert site["fn"].batch_shape == (5,)
    pyro.clear_param_store()
    drawn = family.model(num_images=4)
    assert drawn.shape == (4, *SHAPE)
    assert drawn.isfinite().all()


@pairs
@likelihoods
def test_a_step_moves_every_weight(name, guide, likelihood):
    family = build(name, guide, likelihood, num_particles=2)
    with pyro.settings.context(module_local_params=True):
        loss_module = family.objective(family.model, family.guide)
        optimizer = torch.optim.Adam(loss_module.parameters(), lr=1e-2)
        before = {n: p.detach().clone() for n, p in loss_module.named_parameters()}
        loss = loss_module(images())
        loss.backward()
        optimizer.step()
    assert loss.isfinite()
    for parameter, (where, old) in zip(loss_module.parameters(), before.items(), strict=True):
        assert not torch.equal(parameter, old), where


@every_pair
def test_at_weights_one_the_bound_is_trace_elbo(name, guide, likelihood, assert_same_bound):
    family = build(name, guide, likelihood)
    model, guide = family.model.double(), family.guide.double()
    ours = TraceTC_ELBO(family.objective.latent)
    assert_same_bound(
        (ours, model, guide), (Trace_ELBO(), model, guide), images(dtype=torch.double)
    )


@every_pair
def test_weights_are_all_that_there_is_to_keep(name, guide, likelihood, value_and_gradient):
    one, other = (build(name, guide, likelihood, seed=seed) for seed in (0, 1))
    modules = [
        (family.model, family.guide, *getattr(family.objective, "networks", {}).values())
        for family in (one, other)
    ]
    for source, twin in zip(*modules, strict=True):
        twin.load_state_dict(source.state_dict())
    (loss, gradient), (again, same) = (
        value_and_gradient(family.objective, family.model, family.guide, images())
        for family in (one, other)
    )
    assert loss == again
    assert torch.equal(gradient, same)


@pytest.mark.parametrize("image_shape", [(1, 64, 64), (3, 64, 64)])
@guides
def test_the_convolutional_networks_read_and_draw_images(image_shape, guide):
    _read_and_draw("seatbelt", guide, image_shape)


def test_the_convolutional_networks_serve_both_ways():
    _read_and_draw("biva", "bidirectional", (1, 64, 64))


def _read_and_draw(name, guide, image_shape):
    family = build(name, guide, network="conv", image_shape=image_shape)
    x = images(4, shape=image_shape)
    assert family.objective.loss(family.model, family.guide, x) > 0
    pyro.clear_param_store()
    assert family.model(num_images=2).shape == (2, *image_shape)
