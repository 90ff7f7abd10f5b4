from typing import get_args

import pyro
import pytest
import torch
from pyro import poutine

from pyro_seatbelt import InputError, presets
from pyro_seatbelt.family import GuideName
from pyro_seatbelt.traces.sites import sample_sites

NAMES = list(presets.PRESETS)
SMALL = {"network": "mlp", "image_shape": (1, 8, 8), "num_data": 50, "latent_dim": 3, "hidden": 8}


@pytest.mark.parametrize(
    ("name", "latent", "skip", "weights"),
    [
        ("vae", "z1", False, (1, 1, 1)),
        ("beta-vae", "z1", False, (6, 6, 6)),
        ("beta-tcvae", "z1", False, (1, 6, 1)),
        ("dlgm", "z4", False, (1, 1, 1)),
        ("beta-tcdlgm", "z4", False, (1, 6, 1)),
        ("seatbelt", "z4", True, (1, 6, 1)),
    ],
)
def test_defaults_are_the_papers_table(name, latent, skip, weights):
    family = presets.build(name, **SMALL)
    elbo = family.objective
    assert (elbo.latent, family.model.skip) == (latent, skip)
    assert (elbo.alpha, elbo.beta, elbo.gamma) == weights


@pytest.mark.parametrize("guide", get_args(GuideName))
@pytest.mark.parametrize("name", NAMES)
def test_every_member_runs_with_every_guide(name, guide):
    """Sites, plate, shapes; several particles; draws from the prior."""
    family = presets.build(name, guide=guide, num_particles=2, **SMALL)
    x = torch.rand(5, 1, 8, 8)
    guide_trace = poutine.trace(family.guide).get_trace(x)
    model_trace = poutine.trace(poutine.replay(family.model, trace=guide_trace)).get_trace(x)
    layers = family.model.num_layers
    latents = {f"z{i}" for i in range(1, layers + 1)}
    assert latents == {n for n in guide_trace.nodes if n.startswith("z")}
    assert latents | {"x"} == set(sample_sites(model_trace))
    for name_ in latents:
        site = guide_trace.nodes[name_]
        assert site["value"].shape == (5, 3)
        assert [(f.name, f.size, f.full_size) for f in site["cond_indep_stack"]] == [
            ("data", 5, 50)
        ]
    assert family.objective.loss(family.model, family.guide, x) > 0
    pyro.clear_param_store()
    assert family.model(num_images=4).shape == (4, 1, 8, 8)


def test_guides_have_the_parents_that_their_names_say():
    """Perturbing x with the parent held shows which posteriors see the image."""

    def upper_layer_moves(guide):
        family = presets.build("seatbelt", layers=2, guide=guide, **SMALL)
        site, parent = ("z1", "z2") if guide == "top-down" else ("z2", "z1")
        held = {parent: torch.zeros(5, 3)}
        locs = []
        for seed in (0, 1):
            x = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
            program = poutine.condition(family.guide, data=held)
            locs.append(poutine.trace(program).get_trace(x).nodes[site]["fn"].base_dist.loc)
        return not torch.equal(*locs)

    assert not upper_layer_moves("bottom-up")
    assert upper_layer_moves("bottom-up-x")
    assert upper_layer_moves("top-down")


@pytest.mark.parametrize("skip", ["seatbelt", "dlgm"])
def test_skips_show_every_layer_to_the_decoder(skip):
    family = presets.build(skip, layers=3, **SMALL)
    pixels = []
    for value in (0.0, 1.0):
        held = {"z1": torch.zeros(2, 3), "z2": torch.zeros(2, 3), "z3": torch.full((2, 3), value)}
        program = poutine.condition(family.model, data=held)
        pixels.append(poutine.trace(program).get_trace(num_images=2).nodes["x"]["fn"].mean)
    assert torch.equal(*pixels) == (skip == "dlgm")


@pytest.mark.parametrize("image_shape", [(1, 64, 64), (3, 64, 64)])
def test_convolutional_default(image_shape):
    family = presets.build("seatbelt", layers=2, image_shape=image_shape, num_data=50)
    assert family.objective.loss(family.model, family.guide, torch.rand(4, *image_shape)) > 0


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous-bernoulli", "gaussian", "laplace"])
def test_every_likelihood(likelihood):
    family = presets.build("vae", likelihood=likelihood, **SMALL)
    loss = family.objective.loss(family.model, family.guide, torch.rand(4, 1, 8, 8))
    assert loss == pytest.approx(loss)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nvae", {}, "unknown model 'nvae': choose from vae, beta-vae"),
        ("seatbelt", {"layers": 0}, "expected layers >= 1, got 0"),
        ("seatbelt", {"latent_dim": 0}, "expected latent_dim >= 1, got 0"),
        ("seatbelt", {"beta": -1.0}, "expected beta >= 0 and finite, got -1.0"),
        ("vae", {"beta": 6.0}, "vae has no beta, got beta=6.0: choose from beta-vae, beta-tcvae"),
        (
            "beta-tcvae",
            {"layers": 2},
            "beta-tcvae has one latent layer, got layers=2: choose from d",
        ),
        ("vae", {"network": "unet"}, "unknown network 'unet': choose from conv, mlp"),
        ("vae", {"guide": "sideways"}, "unknown guide 'sideways': choose from bottom-up,"),
        ("vae", {"network": "conv"}, "take 64x64 images, got 8x8"),
        ("vae", {"likelihood": "poisson"}, "unknown likelihood 'poisson'"),
        ("vae", {"free_bits": -0.1}, "expected free_bits >= 0"),
        ("vae", {"num_data": 0}, "expected num_data >= 1, got 0"),
        ("vae", {"hidden": 0}, "expected hidden >= 1, got 0"),
        ("vae", {"num_particles": 0}, "expected num_particles >= 1, got 0"),
    ],
)
def test_messages(name, options, message):
    with pytest.raises(InputError, match=message):
        presets.build(name, **{**SMALL, **options})
