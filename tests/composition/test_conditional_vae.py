"""A conditional VAE, `model(x, y)` and `guide(x, y)`: trained, attacked and evaluated."""

import pyro
import pytest
import torch
from pyro.infer import Trace_ELBO
from torch import nn

from pyro_seatbelt import BottomUp, Hierarchy, TopDown
from pyro_seatbelt.attacks import LBFGSB, Attack, LatentKL, LatentL2, MinimumNorm, Output
from pyro_seatbelt.attacks.ddn import DDN
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation import (
    encode,
    evaluate_heldout,
    importance_weighted_bound,
    noise_robustness,
    prior_images,
    reconstruct,
    traverse,
)
from pyro_seatbelt.models import ConditionalNormal, Likelihood, MLPDecoder, MLPEncoder
from pyro_seatbelt.objectives import TraceTC_ELBO

SHAPE, NUM_DATA, LABELS = (1, 4, 4), 12, 3
Y = torch.eye(LABELS)[torch.arange(NUM_DATA) % LABELS]
INDICES = torch.arange(NUM_DATA)


@pytest.fixture(autouse=True)
def _own_parameters():
    with pyro.settings.context(module_local_params=True):
        yield


def bright_by_label():
    """Images whose top or bottom or left half is bright by their label."""
    pixels = torch.zeros(NUM_DATA, *SHAPE, dtype=torch.uint8)
    for i in range(NUM_DATA):
        half = [(slice(0, 2), slice(None)), (slice(2, 4), slice(None)), (slice(None), slice(0, 2))]
        pixels[i, 0][half[i % LABELS]] = 200 + 4 * i
    return pixels


PIXELS = bright_by_label()
X = PIXELS / 255


def pair(direction="up", skip=True):
    torch.manual_seed(0)
    model = Hierarchy(
        MLPDecoder((5 if skip else 3) + LABELS, SHAPE, 12),
        Likelihood("gaussian", scale=0.3),
        [ConditionalNormal(nn.Linear(2 + LABELS, 6))],
        top_dim=2,
        num_data=NUM_DATA,
        skip=skip,
    )
    up = [nn.Linear(12 + LABELS, 6), nn.Linear(3 + LABELS, 4)]
    down = [nn.Linear(2 + 12 + LABELS, 6), nn.Linear(12 + LABELS, 4)]
    make, heads = (BottomUp, up) if direction == "up" else (TopDown, down)
    encoder = MLPEncoder(SHAPE, 12)
    return model, make(encoder, [ConditionalNormal(head) for head in heads], num_data=NUM_DATA)


def trained():
    model, guide = pair()
    elbo = TraceTC_ELBO("z2", beta=2.0)
    loss = elbo(model, guide)
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.01)
    pyro.set_rng_seed(0)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(X, Y)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return model, guide, losses


@pytest.fixture(scope="module")
def learned():
    with pyro.settings.context(module_local_params=True):
        return trained()


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_at_weights_one_the_bound_is_pyros(direction, skip, assert_same_bound):
    model, guide = (each.double() for each in pair(direction, skip))
    ours = (TraceTC_ELBO("z2"), model, guide)
    assert_same_bound(ours, (Trace_ELBO(), model, guide), X.double(), Y.double())


def test_training_learns_and_the_label_decides(learned):
    model, guide, losses = learned
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    right = (reconstruct(model, guide, X, Y) - X).square().mean()
    wrong = (reconstruct(model, guide, X, Y.roll(1, 1)) - X).square().mean()
    assert right < 0.8 * wrong
    drawn = prior_images(model, NUM_DATA, Y, seed=1)
    assert (drawn - X).square().mean() < (drawn - X.roll(1, 0)).square().mean()


class Closed:
    """The pair of one label alone: programs of the image, for images of that label."""

    def __init__(self, program, label):
        self.program, self.label = program, label

    def __call__(self, x):
        return self.program(x, self.label.expand(len(x), -1))


ATTACKS = {
    "latent": LatentKL(),
    "draws": LatentL2("draws"),
    "output": Output(),
}


@pytest.mark.parametrize("options", [{}, {"samples": 3}, {"noise": "mean"}], ids=str)
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_with_context_is_that_of_the_pair_of_the_label(name, options, learned):
    """Rows of one label each, in two pairs and two weights: the label follows its image."""
    if name == "draws" and "noise" in options:
        pytest.skip("nothing is drawn")
    model, guide, _ = learned
    attack = Attack(ATTACKS[name], LBFGSB(max_iterations=4), [0.1, 1.0], **options)
    x, target = X[[0, 1]], X[[3, 4]]
    both = attack(model, guide, x, target, context=[Y[[0, 1]]])
    value = attack.bind(model, guide, x, target, context=[Y[[0, 1]]]).penalised_distance(range(4))
    at_zero = value.judge(torch.zeros(4, 16, dtype=torch.float64))[1]
    alone = attack(Closed(model, Y[0]), Closed(guide, Y[0]), x[:1], target[:1])
    torch.testing.assert_close(both.distance[:2], alone.distance, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(both.target_nll[:2], alone.target_nll, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(both.reconstruction[:2], alone.reconstruction, rtol=1e-3, atol=1e-3)
    assert (both.distance <= at_zero + 1e-9).all()


def test_a_target_can_have_a_label_of_its_own(learned):
    model, guide, _ = learned
    attack = Attack(LatentKL(), LBFGSB(max_iterations=3), [1.0], noise="mean")
    x, target = X[:1], X[1:2]
    options = {"context": [Y[:1]], "target_context": [Y[1:2]]}
    bound = attack.bind(model, guide, x, target, **options)
    distance = bound.penalised_distance([0]).judge(torch.zeros(1, 16, dtype=torch.float64))[1]
    one, other = (guide_means(guide, *rows) for rows in ((x, Y[:1]), (target, Y[1:2])))
    slow = sum(
        torch.distributions.kl_divergence(p, q).sum() for p, q in zip(one, other, strict=True)
    )
    assert distance.item() == pytest.approx(slow.item(), rel=1e-5)
    images = bound.pair_images()
    aim = reconstruct(model, guide, target, Y[1:2])
    torch.testing.assert_close(images["target_reconstruction"], aim)
    assert (
        bound.arguments["images"]
        != attack.bind(model, guide, x, target, context=[Y[:1]]).arguments["images"]
    )


def guide_means(guide, x, y):
    """The posteriors of both layers, the upper one at the mean of the lower."""
    with torch.no_grad():
        lower = guide.conditionals[0](guide.encoder(x), y).base_dist
        return lower, guide.conditionals[1](lower.mean, y).base_dist


def test_maximum_damage_and_the_least_distortion(learned):
    model, guide, _ = learned
    attack = Attack(LatentKL(), LBFGSB(max_iterations=3), [0.0])
    damage = attack(model, guide, X[:2], context=[Y[:2]])
    assert (damage.norm > 0).all()
    found = MinimumNorm(optimiser=DDN(steps=10))(model, guide, X[:2], X[1:3], context=[Y[:2]])
    assert (found.covered >= 0.5).all()
    assert (found.relative <= found.blend).all()
    with pytest.raises(InputError, match="context: expected tensors with a row for each of 2 im"):
        MinimumNorm()(model, guide, X[:2], X[1:3], context=[Y[:3]])


def test_evaluation_reads_the_rows_of_its_images(learned):
    model, guide, _ = learned
    images, some = ResidentImages(PIXELS), INDICES[[7, 2, 5, 0, 9]]
    held = evaluate_heldout(model, guide, images, some, latent="z2", context=[Y], batch_size=2)
    wrong = evaluate_heldout(
        model, guide, images, some, latent="z2", context=[Y.roll(1, 1)], batch_size=2
    )
    assert held.log_likelihood > wrong.log_likelihood + 1
    parts = held.mutual_information + held.total_correlation + held.dimension_wise_kl
    assert parts == pytest.approx(held.kl["z2"], rel=1e-4)
    for vectorize in (True, False):
        bound = importance_weighted_bound(
            *(model, guide, images, some), context=[Y], num_samples=20, vectorize=vectorize
        )
        assert bound.elbo.mean().item() == pytest.approx(held.elbo, abs=4.0)
    codes = encode(guide, images, INDICES, context=[Y], batch_size=5)
    assert codes.keys() == {"z1", "z2"}
    assert held.mutual_information > 0
    noisy = noise_robustness(model, guide, images, some, context=[Y], scales=[0.0, 2.0])
    assert noisy.log_likelihood[0].mean() > noisy.log_likelihood[1].mean()
    moved = traverse(model, guide, X[:1], Y[:1], latent="z2", values=[-2.0, 2.0])
    assert moved.shape == (2, 2, *SHAPE)


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ([], "the guide cannot run on 2 images"),
        ([Y[:1]], r"context: expected tensors with a row for each of 2 images, got \(1, 3\)"),
        (["y"], "context: expected tensors with a row for each of 2 images, got str"),
    ],
)
def test_a_context_that_does_not_fit(context, message, learned):
    model, guide, _ = learned
    with pytest.raises(InputError, match=message):
        Attack(LatentKL()).bind(model, guide, X[:2], X[2:4], context=context)


def test_other_images_have_another_context(learned):
    model, guide, _ = learned
    bound = Attack(LatentKL(), weights=[1.0]).bind(model, guide, X[:2], X[2:4], context=[Y[:2]])
    with pytest.raises(InputError, match="context belongs to its images: bind the attack"):
        bound.on(X[4:6], X[6:8])


def test_evaluation_needs_a_row_for_every_image(learned):
    model, guide, _ = learned
    images = ResidentImages(PIXELS)
    with pytest.raises(InputError, match="got 3 rows and image 11"):
        evaluate_heldout(model, guide, images, INDICES, latent="z2", context=[Y[:3]])
