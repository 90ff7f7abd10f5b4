"""What every objective of an attack keeps to, whatever it measures."""

import json
from typing import get_args

import pytest
import torch

from pyro_seatbelt.attacks import MODES, Classifier, LatentKL, LatentL2, LatentW2, Mode
from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.modes import TITLES
from pyro_seatbelt.attacks.objectives import make_objective
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.errors import InputError

CLASSIFY = torch.nn.Linear(6, 4, dtype=torch.float64)

OBJECTIVES = {
    **{mode: make_objective(mode) for mode in MODES},
    **{
        f"{mode}-{layers}": each
        for mode in MODES
        for layers in ("top", "base")
        if not (each := make_objective(mode, layers)).needs_model
    },
    "latent-samples": LatentKL(estimator="samples"),
    "w2-samples": LatentW2(estimator="samples"),
    "l2-draws": LatentL2("draws", layers=["z2"]),
    "classifier": Classifier(CLASSIFY),
    "classifier-margin": Classifier(CLASSIFY, loss="margin"),
}
ROWS = torch.arange(5)


@pytest.fixture(params=OBJECTIVES)
def objective(request):
    return OBJECTIVES[request.param]


@pytest.fixture
def images(pairs):
    return pairs.images(5, 1).double(), pairs.images(5, 2).double()


@pytest.fixture
def bind(pairs, objective, images):
    """Binds the objective to a pair and targets, or to some of them, with K draws (0: means)."""
    model, guide = pairs.ChainModel().double().eval(), pairs.ChainGuide().double().eval()

    def make(samples, *, problems=range(5), seed=0, target=images[1]):
        pair = read_pair(model, guide, images[0], objective.layers)
        draws = (
            LatentDraws.at_mean()
            if samples == 0
            else LatentDraws.frozen(problems, samples, seed=seed)
        )
        return objective.bind(pair, target[list(problems)], draws)

    return make


@pytest.mark.parametrize("samples", [0, 1, 3])
def test_frozen_noise_makes_it_deterministic_to_the_last_bit(bind, objective, images, samples):
    x, _ = images
    distance = bind(samples)
    first = distance(x, ROWS)
    assert first.shape == (5,)
    assert first.dtype == x.dtype
    torch.rand(7)  # the global generator plays no part
    assert torch.equal(first, distance(x, ROWS))
    assert torch.equal(first, bind(samples)(x, ROWS))
    if samples and objective.name == "output":
        assert not torch.equal(first, bind(samples, seed=1)(x, ROWS))


@pytest.mark.parametrize("samples", [0, 2])
def test_gradient_agrees_with_finite_differences(bind, images, samples):
    x, _ = images
    distance = bind(samples)
    inputs = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance(inputs, ROWS).sum(), inputs)
    generator = torch.Generator().manual_seed(4)
    for _ in range(3):
        direction = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        step = 1e-6 * direction
        slope = (distance(x + step, ROWS) - distance(x - step, ROWS)) / 2e-6
        torch.testing.assert_close(
            slope, (gradient * direction).flatten(1).sum(1), rtol=1e-5, atol=1e-6
        )


def test_problems_do_not_depend_on_who_shares_the_batch(bind, images):
    x, _ = images
    distance = bind(2)
    together = distance(x, ROWS)
    some = torch.tensor([3, 0, 3])
    torch.testing.assert_close(distance(x[some], some), together[some], rtol=1e-12, atol=1e-13)
    # the noise belongs to the problem's number, wherever the problem stands
    alone = bind(2, problems=[3])(x[3:4], torch.tensor([0]))
    torch.testing.assert_close(alone, together[3:4], rtol=1e-12, atol=1e-13)
    inputs = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance(inputs, ROWS)[2], inputs)
    assert bool((gradient[[0, 1, 3, 4]] == 0).all())
    assert bool((gradient[2] != 0).any())


@pytest.mark.parametrize(
    "objective",
    # the least value of the others is the target's own bound or loss, and no zero
    [
        name
        for name, each in OBJECTIVES.items()
        if not (each.needs_model or isinstance(each, Classifier))
    ],
    indirect=True,
)
def test_distances_of_posteriors_vanish_at_the_target(bind, objective, images):
    x, target = images
    distance = bind(2)
    at_target = target.clone().requires_grad_()
    values = distance(at_target, ROWS)
    torch.testing.assert_close(values, torch.zeros_like(values), rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad(values.sum(), at_target)
    assert bool(gradient.isfinite().all())
    if getattr(objective, "estimator", "") != "samples":
        assert bool((distance(x, ROWS) > 1e-3).all())


def test_steps_down_the_gradient_come_nearer_to_the_target(bind, images):
    x, _ = images
    distance = bind(4)
    point, values = x.clone(), []
    for _ in range(5):
        point.requires_grad_()
        value = distance(point, ROWS)
        (gradient,) = torch.autograd.grad(value.sum(), point)
        point = (point - 1e-3 * gradient).detach()
        values.append(value.sum().item())
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]


def test_it_can_be_written_down(objective):
    json.dumps({"name": objective.name, **objective.settings})


def test_modes_are_the_registry_and_layers_reach_the_latent_ones():
    assert set(MODES) == set(get_args(Mode))
    names = {mode: make_objective(mode, ["z2"]).name for mode in MODES}
    assert {title.mode: name for name, title in TITLES.items()} == names
    for mode in MODES:
        made = make_objective(mode, ["z2"])
        assert made.layers == ("all" if made.needs_model else ["z2"])


@pytest.mark.parametrize("kind", [LatentKL, LatentW2])
def test_an_unknown_estimator_names_the_others(kind):
    wanted = f"expected {kind.__name__} estimator 'closed-form' or 'samples', got 'draws'"
    with pytest.raises(InputError, match=wanted):
        kind(estimator="draws")


def test_an_unknown_mode_names_the_others():
    with pytest.raises(InputError, match=f"expected a mode of {', '.join(MODES)}, got 'input'"):
        make_objective("input")
