"""Foolbox's attacks on the same problems, through thin adapters: ours are at least as strong."""

import warnings
from dataclasses import replace

import pytest
import torch

from pyro_seatbelt.attacks import DDN, LBFGSB, PGD, Attack, Ball, LatentKL, MinimumNorm, Output
from pyro_seatbelt.traces.reconstruction import mean_image

STEPS, STARTS = 40, 10


@pytest.fixture(scope="module")
def foolbox():
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("GIT_PYTHON_REFRESH", "quiet")
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports old names of SciPy
        return pytest.importorskip("foolbox")


@pytest.fixture
def chain(pairs):
    model, guide = pairs.ChainModel().double().eval(), pairs.ChainGuide().double().eval()
    return model, guide, pairs.images(8, 1).double(), pairs.images(8, 2).double()


class Values(torch.nn.Module):
    """A function of every image of a batch, as Foolbox takes a network."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images)


def descend(foolbox, norm):
    """Its projected gradient descent, on values instead of a classifier's loss."""
    kinds = {
        "l2": foolbox.attacks.L2ProjectedGradientDescentAttack,
        "linf": foolbox.attacks.LinfProjectedGradientDescentAttack,
    }

    class OnValues(kinds[norm]):
        def get_loss_fn(self, model, labels):
            return lambda images: model(images).sum()

    return OnValues


@pytest.mark.parametrize(
    ("objective", "norm", "targeted"),
    [
        (LatentKL(), "l2", True),
        (LatentKL(), "linf", False),
        (Output(), "l2", False),
        (Output(), "linf", True),
    ],
)
def test_no_weaker_in_a_ball(chain, foolbox, objective, norm, targeted):
    model, guide, x, target = chain
    aim = target if targeted else None
    ball = Ball(norm, {"l2": 0.4, "linf": 0.12}[norm])
    attack = Attack(objective, PGD(steps=STEPS), [0.0], ball=ball, restarts=STARTS - 1)
    ours = attack(model, guide, x, aim)
    function = attack.bind(model, guide, x, aim).penalised_distance(range(len(x)))
    rows = torch.arange(len(x))
    values = Values(lambda images: function._distance(images, rows)).eval()
    network = foolbox.PyTorchModel(values, bounds=(0, 1), device="cpu")
    labels = torch.zeros(len(x), dtype=torch.int64)
    goal = foolbox.criteria.TargetedMisclassification if targeted else None
    criterion = goal(labels) if goal else foolbox.criteria.Misclassification(labels)
    theirs = []
    for seed in range(STARTS):
        torch.manual_seed(seed)
        run = descend(foolbox, norm)(steps=STEPS, abs_stepsize=2.5 * ball.radius / STEPS)
        images = run.run(network, x, criterion, epsilon=ball.radius)
        d = (images - x).flatten(1)
        assert d.norm(dim=1, p=2 if norm == "l2" else torch.inf).max() <= ball.radius + 1e-6
        theirs.append(function.judge(d)[0])
    best, value = torch.stack(theirs).amin(0), ours.value
    if norm == "linf":  # a box, for which there is a better search than signs of gradients
        boxed = replace(attack, optimiser=LBFGSB())(model, guide, x, aim)
        value = torch.minimum(value, boxed.value)
    gained = ours.value_at_input - best
    # both walk into one of several basins, and starts decide into which
    assert bool((value <= best + 0.02 * gained).all())
    assert value.mean() <= best.mean() + 0.01 * gained.mean()


def test_no_longer_than_its_shortest(chain, foolbox):
    model, guide, x, target = chain
    with torch.no_grad():
        aim, clean = mean_image(model, guide, target), mean_image(model, guide, x)
    whole = (clean - aim).flatten(1).norm(dim=1)

    def left(images):
        made = mean_image(model, guide, images)
        share = (made - aim).flatten(1).norm(dim=1) / whole
        return torch.stack([share - 0.5, torch.zeros_like(share)], 1)

    network = foolbox.PyTorchModel(Values(left).eval(), bounds=(0, 1), device="cpu")
    criterion = foolbox.criteria.Misclassification(torch.zeros(len(x), dtype=torch.int64))
    images = foolbox.attacks.DDNAttack(steps=200).run(network, x, criterion)
    there = left(images)[:, 0] <= 0
    theirs = torch.where(there, (images - x).flatten(1).norm(dim=1), torch.inf)
    assert bool(there.any())
    ours = MinimumNorm(optimiser=DDN(steps=200))(model, guide, x, target).norm
    assert bool((ours <= 1.01 * theirs).all())
    assert ours.mean() <= theirs.mean()
