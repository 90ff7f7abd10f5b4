"""No attack ends above the input or the target, whatever its optimiser does."""

from dataclasses import dataclass, replace

import pytest
import torch

from pyro_seatbelt.attacks import (
    LBFGSB,
    PGD,
    Attack,
    Ball,
    LatentKL,
    LatentL2,
    LatentW2,
    Optimiser,
    Output,
)
from pyro_seatbelt.attacks.optimisers.minimum import Minimum

WEIGHTS = [0.0, 1e-4, 0.05, 1.0, 30.0]


@pytest.fixture
def chain(pairs):
    model, guide = pairs.ChainModel().double(), pairs.ChainGuide().double()
    return model, guide, pairs.images(3, 1).double(), pairs.images(3, 2).double()


@dataclass(frozen=True)
class Broken(Optimiser):
    """Claims to have found what it has not."""

    kind: str = "far"

    def minimise(self, function, x0, lower, upper, *, ball=None, seeds=None, progress=None):
        x = {"far": upper, "nan": torch.full_like(x0, torch.nan), "lazy": x0}[self.kind]
        counts = torch.ones(len(x0), dtype=torch.int64)
        value = torch.full_like(x0[:, 0], -1e9)
        return Minimum(x, value, value, counts, counts, ("value",) * len(x0))


@pytest.mark.parametrize("cap", [1, 40])
@pytest.mark.parametrize(
    "objective", [LatentKL(), LatentW2("top"), LatentL2("draws"), Output()], ids=lambda o: o.name
)
def test_no_problem_ends_above_an_end(chain, objective, cap):
    result = Attack(objective, LBFGSB(max_iterations=cap), WEIGHTS)(*chain)
    assert not bool(result.failed.any())
    assert bool((result.value <= result.value_at_input).all())
    assert bool((result.value <= result.value_at_target).all())
    x, target = (each[result.pair].flatten(1) for each in chain[2:])
    if objective.name != "output":
        bound = result.weight * (target - x).norm(dim=1)
        torch.testing.assert_close(result.value_at_target, bound, rtol=1e-9, atol=1e-9)
    alone = Attack(objective, LBFGSB(max_iterations=cap), WEIGHTS, ends="input")(*chain)
    assert bool((result.value <= alone.value).all())
    assert torch.equal(alone.value_at_target, result.value_at_target)
    above = (alone.value > alone.value_at_target) | (alone.value > alone.value_at_input)
    assert torch.equal(alone.failed, above)
    assert cap > 1 or bool(above.any()), "nothing to mend"


@pytest.mark.parametrize("kind", ["far", "nan", "lazy"])
def test_a_broken_optimiser_cannot_end_above_an_end(chain, kind):
    result = Attack(LatentKL(), Broken(kind), WEIGHTS)(*chain)
    assert not bool(result.failed.any())
    lower = torch.minimum(result.value_at_input, result.value_at_target)
    assert bool((result.value <= lower).all())
    torch.testing.assert_close(result.value, result.distance + result.weight * result.norm)
    at_target = [reason == "target" for reason in result.stop]
    assert kind == "lazy" or any(at_target)
    x, target = (each[result.pair][at_target] for each in chain[2:])
    torch.testing.assert_close(result.adversarial[at_target], target)
    torch.testing.assert_close(result.distortion[at_target], target - x)


def test_the_zero_test_does_not_hide_a_lower_target(chain):
    """d = 0 is a stationary point long before it is the least."""
    model, guide, x, target = chain

    class Flat(type(guide)):
        def forward(self, images):
            super().forward(torch.where(images < 0.5, images**9, 1 - (1 - images) ** 9))

    flat = Flat().double()
    alone = Attack(LatentKL(), LBFGSB(), [0.5], ends="input")(model, flat, 0.2 * x, target)
    assert "zero" in alone.stop
    assert bool(alone.failed.any())
    both = Attack(LatentKL(), LBFGSB(), [0.5])(model, flat, 0.2 * x, target)
    assert not bool(both.failed.any())


def test_problems_that_turn_nan_count_as_failed(chain):
    model, guide, x, target = chain

    class Fragile(type(guide)):
        def forward(self, images):
            broken = (images[:, 0, 0, 0] - x[1, 0, 0, 0]).abs() < 1e-12
            super().forward(torch.where(broken[:, None, None, None], torch.nan, images))

    result = Attack(LatentKL(), LBFGSB(), [0.1, 1.0])(model, Fragile().double(), x, target)
    assert result.failed.tolist() == [False, False, True, True, False, False]
    # where it is the target that breaks there is nothing to compare with
    swapped = Attack(LatentKL(), LBFGSB(), [0.1])(model, Fragile().double(), target, x)
    assert swapped.failed.tolist() == [False, True, False]


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_in_a_ball_the_end_is_as_far_towards_the_target_as_it_goes(chain, norm):
    ball = Ball(norm, 0.3)
    result = Attack(LatentKL(), Broken("lazy"), [0.0], ball=Ball("linf", 0.3))(*chain)
    assert not bool(result.failed.any())
    found = Attack(LatentKL(), PGD(steps=1, step_size=1e-9), [0.0], ball=ball)(*chain)
    assert not bool(found.failed.any())
    assert bool((found.value < found.value_at_input).all())
    sizes = found.distortion.flatten(1).norm(dim=1, p=2 if norm == "l2" else torch.inf)
    assert sizes.max() <= 0.3 + 1e-9


def test_without_a_target_the_input_is_the_one_end(chain):
    model, guide, x, _ = chain
    attack = Attack(LatentKL(), PGD(steps=3), [0.0], ball=Ball("linf", 0.1))
    result = attack(model, guide, x)
    assert result.value_at_target is None
    assert result.columns()["value_at_target"] == [None] * 3
    assert not bool(result.failed.any())


@pytest.mark.parametrize("ball", [None, Ball("linf", 0.4)])
def test_restarts_only_help_and_depend_on_the_problem_alone(chain, ball):
    quick = LBFGSB(max_iterations=2)
    once, often = (
        Attack(
            *(LatentKL(), quick, [0.0, 0.1]),
            ball=ball,
            ends="input",
            restarts=restarts,
        )
        for restarts in (0, 5)
    )
    first, best = once(*chain), often(*chain)
    assert bool((best.value <= first.value).all())
    assert bool((best.value < first.value).any())
    assert bool((best.evaluations > first.evaluations).all())
    parts = replace(often, batch=2).bind(*chain).run(skip={0, 2})
    torch.testing.assert_close(dict(parts)[1].value, best.value[2:4], rtol=1e-3, atol=1e-6)
