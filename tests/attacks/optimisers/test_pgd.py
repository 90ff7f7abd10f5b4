import pytest
import torch

from pyro_seatbelt.attacks import PGD, Ball
from pyro_seatbelt.errors import InputError


def towards(goal):
    def function(x, problems):
        difference = x - goal[problems].to(x)
        return (difference**2).sum(1), 2 * difference

    return function


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_finds_the_projection_of_the_minimum(norm):
    goal = torch.tensor([[3.0, 0.5, -2.0], [0.02, 0.01, 0.03]], dtype=torch.float64)
    x0 = torch.zeros_like(goal)
    ball = Ball(norm, 0.4)
    found = PGD(steps=400, step_size=0.01).minimise(towards(goal), x0, x0 - 1, x0 + 1, ball=ball)
    torch.testing.assert_close(found.x, ball.project(goal), rtol=0, atol=2e-2)
    assert found.stop == ("steps", "steps")


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_stays_in_the_ball_and_in_the_box(norm):
    generator = torch.Generator().manual_seed(0)
    lower = -torch.rand(5, 7, generator=generator, dtype=torch.float64)
    upper = torch.rand(5, 7, generator=generator, dtype=torch.float64)
    lower[:, 0], upper[:, 1] = 0, 0
    visited = []

    def function(x, problems):
        visited.append(x)
        return -(x**2).sum(1), -2 * x

    PGD(steps=5, restarts=3).minimise(function, 0 * lower, lower, upper, ball=Ball(norm, 0.3))
    points = torch.stack(visited)
    assert bool(((points >= lower) & (points <= upper)).all())
    size = points.norm(dim=2) if norm == "l2" else points.abs().amax(2)
    assert size.max().item() <= 0.3 + 1e-12


def test_restarts_only_help_and_do_not_depend_on_the_neighbours():
    def bumpy(x, problems):
        x = x.clone().requires_grad_()
        values = (torch.sin(40 * x) + x).sum(1)
        return values.detach(), torch.autograd.grad(values.sum(), x)[0]

    x0 = torch.zeros(3, 4, dtype=torch.float64)
    ball = Ball("linf", 0.9)
    once = PGD(steps=10).minimise(bumpy, x0, x0 - 1, x0 + 1, ball=ball)
    often = PGD(steps=10, restarts=8).minimise(bumpy, x0, x0 - 1, x0 + 1, ball=ball)
    assert bool((often.value <= once.value).all())
    assert bool((often.value < once.value).any())
    alone = PGD(steps=10, restarts=8).minimise(
        bumpy, x0[:1], x0[:1] - 1, x0[:1] + 1, ball=ball, seeds=torch.tensor([2])
    )
    assert torch.equal(alone.x[0], often.x[2])
    assert often.evaluations.tolist() == [8 * 11] * 3


def test_samples_fill_the_ball():
    generator = torch.Generator().manual_seed(0)
    for norm in ("l2", "linf"):
        draws = Ball(norm, 2.0).sample(20_000, 3, generator)
        size = draws.norm(dim=1) if norm == "l2" else draws.abs().amax(1)
        # the share of a smaller ball is the ratio of the volumes
        assert (size < 1.0).double().mean().item() == pytest.approx(1 / 8, abs=0.01)
        assert size.max() <= 2.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ball("l1", 1.0), "'l2' or 'linf', got 'l1'"),
        (lambda: Ball("l2", 0.0), "radius > 0, got 0"),
        (lambda: PGD(steps=0), "steps >= 1"),
        (lambda: PGD(step_size=-1.0), "step_size > 0"),
    ],
)
def test_settings_out_of_range(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_box_without_zero_is_refused():
    x0 = torch.zeros(1, 2)
    with pytest.raises(ValueError, match="holds 0"):
        PGD().minimise(towards(x0), x0, x0 + 0.1, x0 + 1, ball=Ball("l2", 2.0))
