import pytest
import torch

from pyro_seatbelt.attacks import DDN, MinimumNorm
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.reconstruction import mean_image


@pytest.fixture
def chain(pairs):
    model, guide = pairs.ChainModel().double().eval(), pairs.ChainGuide().double().eval()
    return model, guide, pairs.images(3, 1).double(), pairs.images(3, 2).double()


def covered(model, guide, x, target, images):
    made, clean, aim = (mean_image(model, guide, each) for each in (images, x, target))
    distances = [(each - aim).flatten(1).norm(dim=1) for each in (made, clean)]
    return 1 - distances[0] / distances[1]


def least_budget(chain, share, *, rounds=8, steps=60):
    """The second opinion: bisection over budgets, each searched by plain projected descent."""
    model, guide, x, target = chain
    low, high = torch.zeros(len(x)), (target - x).flatten(1).norm(dim=1)
    for _ in range(rounds):
        radius = (low + high) / 2
        scale = radius / (target - x).flatten(1).norm(dim=1)
        d, reached = scale[:, None, None, None] * (target - x), torch.zeros(len(x), dtype=bool)
        for step in range(steps):
            d = d.detach().requires_grad_()
            share_there = covered(model, guide, x, target, x + d)
            reached = reached | (share_there >= share)
            (gradient,) = torch.autograd.grad(share_there.sum(), d)
            unit = gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None]
            d = d + (0.2 * (1 - step / steps) * radius)[:, None, None, None] * unit
            length = d.flatten(1).norm(dim=1)
            d = d * (radius / length.clamp(min=1e-12)).clamp(max=1)[:, None, None, None]
            d = (x + d).clamp(0, 1) - x
        low, high = torch.where(reached, low, radius), torch.where(reached, radius, high)
    return high


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_it_covers_the_share_and_no_bisection_over_budgets_needs_less(chain, share):
    found = MinimumNorm(share=share, optimiser=DDN(steps=300))(*chain)
    model, guide, x, target = chain
    there = covered(model, guide, x, target, x + found.distortion)
    assert bool((there >= share - 1e-9).all())
    torch.testing.assert_close(found.covered, there)
    torch.testing.assert_close(found.norm, found.distortion.flatten(1).norm(dim=1))
    assert bool((found.relative <= found.blend).all())
    assert bool((found.relative < 0.97 * found.blend).any()), "no better than a blend"
    assert bool(((x + found.distortion >= 0) & (x + found.distortion <= 1)).all())
    assert bool((found.norm <= 1.01 * least_budget(chain, share)).all())


def test_more_of_the_way_takes_more_and_rows_change_rounding_alone(chain):
    half, most = (MinimumNorm(share=share)(*chain) for share in (0.5, 0.9))
    assert bool((half.norm < most.norm).all())
    one = MinimumNorm(rows=1)(*chain)
    torch.testing.assert_close(one.norm, half.norm, rtol=1e-3, atol=1e-9)


def test_nothing_of_the_pair_is_changed(chain):
    model, guide, *_ = chain
    guide.train()
    MinimumNorm(optimiser=DDN(steps=2))(*chain)
    assert guide.training
    assert all(p.grad is None for p in [*model.parameters(), *guide.parameters()])


def test_what_cannot_be_attacked_is_refused(chain):
    model, guide, x, _ = chain
    with pytest.raises(InputError, match="the target equals the input"):
        MinimumNorm()(model, guide, x, x)
    for settings, message in (
        ({"share": 1.0}, "share between 0 and 1"),
        ({"rows": 0}, "rows >= 1"),
    ):
        with pytest.raises(InputError, match=message):
            MinimumNorm(**settings)
