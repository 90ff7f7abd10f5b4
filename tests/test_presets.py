import pytest
import torch
from pyro import poutine

from pyro_seatbelt import InputError, presets
from pyro_seatbelt.traces.programs import trace_pair
from pyro_seatbelt.training.config import TrainConfig

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
        ("factor-vae", "z1", False, (1, 6, 1)),
        ("hfvae", "z1", False, (1, 6, 1)),
        ("ladder-vae", "z4", False, (1, 1, 1)),
        ("biva", "z4", True, (1, 1, 1)),
    ],
)
def test_defaults_are_the_papers_table(name, latent, skip, weights):
    family = presets.build(name, **SMALL)
    elbo = family.objective
    assert (elbo.latent, family.model.skip) == (latent, skip)
    assert (elbo.alpha, elbo.beta, elbo.gamma) == weights


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


@pytest.mark.parametrize(("network", "published"), [("conv", 512), ("mlp", 1200)])
def test_the_image_networks_are_as_wide_as_one_likes(network, published):
    def sizes(**more):
        settings = SMALL | {"network": network, "image_shape": (1, 64, 64)}
        family = presets.build("vae", **settings, **more)
        return [len(p) for part in (family.model, family.guide) for p in part.parameters()]

    assert published in sizes()
    assert sizes() == sizes(features=published)
    assert published not in sizes(features=24)
    assert 24 in sizes(features=24)


@pytest.mark.parametrize("skip", ["seatbelt", "dlgm"])
def test_skips_show_every_layer_to_the_decoder(skip):
    family = presets.build(skip, layers=3, **SMALL)
    pixels = []
    for value in (0.0, 1.0):
        held = {"z1": torch.zeros(2, 3), "z2": torch.zeros(2, 3), "z3": torch.full((2, 3), value)}
        program = poutine.condition(family.model, data=held)
        pixels.append(poutine.trace(program).get_trace(num_images=2).nodes["x"]["fn"].mean)
    assert torch.equal(*pixels) == (skip == "dlgm")


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
        ("vae", {"features": 0}, "expected features >= 1, got 0"),
        ("vae", {"num_particles": 0}, "expected num_particles >= 1, got 0"),
        ("biva", {"guide": "ladder"}, "guide: expected bidirectional for biva, got ladder"),
        ("vae", {"groups": (1, 2)}, "groups: it is a setting of HFVAE: leave it out for VAE"),
        ("hfvae", {"groups": (1, 1)}, "groups: expected 3 dimensions together"),
        ("hfvae", {"within_beta": -1.0}, "expected within >= 0 and finite, got -1"),
        (
            "beta-tcvae",
            {"discriminator_width": 8},
            "discriminator_width: it is a setting of FactorVAE",
        ),
        ("factor-vae", {"discriminator_rate": 0.0}, "expected learning_rate > 0, got 0"),
    ],
)
def test_messages(name, options, message):
    with pytest.raises(InputError, match=message):
        presets.build(name, **{**SMALL, **options})


@pytest.mark.parametrize("guide", ["bottom-up", "bottom-up-x", "top-down"])
@pytest.mark.parametrize("name", ["dlgm", "seatbelt"])
def test_layers_may_differ_in_length(name, guide):
    family = presets.build(
        name, latent_dims=(7, 5, 3), guide=guide, network="mlp", features=8, hidden=8,
        image_shape=(1, 8, 8), num_data=20,
    )  # fmt: skip
    traces = trace_pair(family.model, family.guide, torch.rand(4, 1, 8, 8)).with_log_probs()
    for trace in traces:
        assert [tuple(trace.nodes[f"z{i}"]["value"].shape) for i in (1, 2, 3)] == [
            (4, 7), (4, 5), (4, 3),
        ]  # fmt: skip
    assert family.objective.latent == "z3"
    assert family.model.decoder.num_inputs == (15 if name == "seatbelt" else 7)
    family.objective(family.model, family.guide)(torch.rand(4, 1, 8, 8)).backward()


def test_equal_lengths_are_one_length():
    """The same weights from the same generator, so that old runs are what they were."""
    pairs = []
    for sizes in ({"layers": 3, "latent_dim": 4}, {"latent_dims": (4, 4, 4)}):
        torch.manual_seed(0)
        pairs.append(presets.build("seatbelt", **sizes, features=8, hidden=8, num_data=20))
    for one, other in zip(*(each[:2] for each in pairs), strict=True):
        assert one.state_dict().keys() == other.state_dict().keys()
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name])


def test_lengths_agree_with_the_layers():
    with pytest.raises(InputError, match=r"layers: expected as many as latent_dims has lengths, 2"):
        presets.build("seatbelt", layers=3, latent_dims=(4, 2), num_data=20)
    with pytest.raises(InputError, match=r"vae has one latent layer, got layers=2"):
        presets.build("vae", latent_dims=(4, 2), num_data=20)
    with pytest.raises(InputError, match=r"latent_dims: expected latent_dim or latent_dims, not"):
        TrainConfig(latent_dim=5, latent_dims="4,2")
    with pytest.raises(InputError, match=r"expected latent_dims to be whole numbers >= 1, such as"):
        TrainConfig(latent_dims="4,two")
    assert TrainConfig(latent_dims="4, 2").settled().layers == 2


def test_contradictions_of_the_objective_are_found_without_data():
    for settings in ({"model": "vae", "within_beta": 2}, {"model": "hfvae", "groups": "4,4"}):
        with pytest.raises(InputError, match=r"within_beta: it is|groups: expected 10 dimensions"):
            presets.check(TrainConfig(**settings))
    presets.check(TrainConfig(model="hfvae", groups="4,6", within_beta=2))


def test_halves_are_the_usual_groups():
    family = presets.build("hfvae", **SMALL, groups=(1, 2))
    assert family.objective.groups == (1, 2)
    assert presets.build("hfvae", **SMALL).objective.groups == (2, 1)
    assert presets.build("hfvae", **SMALL | {"latent_dim": 1}).objective.groups == (1,)
