"""A pair whose plate and sites have names of their own, through everything that reads traces."""

import pytest
import torch
from pyro.infer import Trace_ELBO
from torch import nn

from pyro_seatbelt import Attack, BottomUp, Hierarchy, LatentKL, Output, TopDown, TraceTC_ELBO
from pyro_seatbelt.attacks import LBFGSB
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.evaluation import (
    evaluate_heldout,
    importance_weighted_bound,
    noise_robustness,
    prior_images,
    reconstruct,
    traverse,
)
from pyro_seatbelt.models import ConditionalNormal, Likelihood, MLPDecoder, MLPEncoder

SHAPE = (1, 4, 4)
NUM_DATA = 30
USUAL = {"latents": None, "plate": "data"}
OTHER = {"latents": ["shape", "style"], "plate": "photographs"}


def pair(direction, names, image):
    torch.manual_seed(0)
    model = Hierarchy(
        MLPDecoder(5, SHAPE, 16),
        Likelihood("bernoulli"),
        [ConditionalNormal(nn.Linear(2, 6))],
        top_dim=2,
        num_data=NUM_DATA,
        skip=True,
        image=image,
        **names,
    )
    if direction == "up":
        heads = [ConditionalNormal(nn.Linear(16, 6)), ConditionalNormal(nn.Linear(3, 4))]
        return model, BottomUp(MLPEncoder(SHAPE, 16), heads, num_data=NUM_DATA, **names)
    heads = [ConditionalNormal(nn.Linear(2 + 16, 6)), ConditionalNormal(nn.Linear(16, 4))]
    return model, TopDown(MLPEncoder(SHAPE, 16), heads, num_data=NUM_DATA, **names)


@pytest.fixture(params=["up", "down"])
def pairs(request):
    """The same programs under the usual names and under others."""
    return pair(request.param, USUAL, "x"), pair(request.param, OTHER, "pixels")


@pytest.fixture(scope="module")
def pictures():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (NUM_DATA, *SHAPE), generator=generator, dtype=torch.uint8)


def test_the_objective(pairs, pictures, assert_same_bound):
    usual, other = ((model.double(), guide.double()) for model, guide in pairs)
    x = pictures[:8].double() / 255
    ours = TraceTC_ELBO("style", beta=4.0)  # the one plate around the site
    assert_same_bound((ours, *other), (TraceTC_ELBO("z2", beta=4.0), *usual), x)
    plain = TraceTC_ELBO("style", plate="photographs")
    assert_same_bound((plain, *other), (Trace_ELBO(), *other), x)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_plate_in_another_dimension(direction, pictures, assert_same_bound):
    """With one image for each row of it nothing changes; a plate inside then has a place."""
    x = pictures[:8].double() / 255
    usual = [each.double() for each in pair(direction, USUAL, "x")]
    other = [each.double() for each in pair(direction, {**USUAL, "plate_dim": -2}, "x")]
    ours = TraceTC_ELBO("z2", beta=4.0)

    def one_each(program):
        module = Wrapped(lambda images: program(images[:, None]))
        module.program = program
        return module

    wide = [one_each(program) for program in other]
    assert_same_bound((ours, *wide), (ours, *usual), x)


class Wrapped(nn.Module):
    def __init__(self, run):
        super().__init__()
        self.run = run

    def forward(self, x):
        return self.run(x)


@pytest.mark.parametrize("kind", [LatentKL, Output])
def test_an_attack(pairs, pictures, kind):
    x, target = pictures[:2].float() / 255, pictures[2:4].float() / 255
    found = []
    for (model, guide), layers in zip(pairs, (["z1"], ["shape"]), strict=True):
        objective = LatentKL(layers) if kind is LatentKL else Output()
        attack = Attack(objective, LBFGSB(max_iterations=5), [0.1], noise="mean")
        found.append(attack(model, guide, x, target))
    usual, other = found
    assert other.layers == (("shape",) if kind is LatentKL else ("shape", "style"))
    torch.testing.assert_close(other.value, usual.value)
    torch.testing.assert_close(other.l2_target, usual.l2_target)


def test_evaluation(pairs, pictures):
    images, indices = ResidentImages(pictures), torch.arange(NUM_DATA)
    x = pictures[:5].float() / 255
    usual, other = pairs
    torch.testing.assert_close(reconstruct(*other, x), reconstruct(*usual, x))
    torch.testing.assert_close(prior_images(other[0], 3, site="pixels"), prior_images(usual[0], 3))
    torch.testing.assert_close(
        traverse(*other, x[:1], latent="shape", values=[-2, 2], site="pixels"),
        traverse(*usual, x[:1], latent="z1", values=[-2, 2]),
    )
    torch.testing.assert_close(
        noise_robustness(*other, images, indices, site="pixels").log_likelihood,
        noise_robustness(*usual, images, indices).log_likelihood,
    )
    one = evaluate_heldout(*usual, images, indices, latent="z2")
    renamed = evaluate_heldout(*other, images, indices, latent="style")
    assert renamed.elbo == one.elbo
    assert renamed.total_correlation == one.total_correlation
    assert list(renamed.kl.values()) == list(one.kl.values())
    assert set(renamed.kl) == set(renamed.active_units) == {"shape", "style"}
    bound = importance_weighted_bound(*other, images, indices, num_samples=3, plate="photographs")
    torch.testing.assert_close(
        bound.iwae, importance_weighted_bound(*usual, images, indices, num_samples=3).iwae
    )
    with pytest.raises(ValueError, match=r"plate 'data' \(its plates: .*'photo"):
        importance_weighted_bound(*other, images, indices, num_samples=3)


@pytest.mark.parametrize("names", [["low"], ["low", "low"], "z1", ["low", "middle", "high"]])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_as_many_names_as_layers(direction, names):
    with pytest.raises(ValueError, match="expected 2 names of latent sites, all different"):
        pair(direction, {"latents": names, "plate": "data"}, "x")
