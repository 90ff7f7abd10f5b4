"""What a search for the shortest point keeps to, with closed forms beside it."""

from itertools import pairwise

import pytest
import torch

from pyro_seatbelt.attacks import DDN
from pyro_seatbelt.errors import InputError

GENERATOR = torch.Generator().manual_seed(0)
SLOPE = torch.randn(5, 6, generator=GENERATOR, dtype=torch.float64)
START = 2 * SLOPE + torch.randn(5, 6, generator=GENERATOR, dtype=torch.float64)
BOX = torch.full_like(START, 20.0)


def half_spaces(x, problems):
    """At most 0 beyond a plane whose distance from 0 is 1."""
    normal = SLOPE[problems] / SLOPE[problems].norm(dim=1, keepdim=True)
    return 1 - (normal * x).sum(1), -normal


def bent(x, problems):
    """The square of a distance from a point: at most 1 in a ball around it."""
    difference = x - START[problems]
    return (difference**2).sum(1), 2 * difference


@pytest.mark.parametrize(
    ("function", "level", "least"),
    [(half_spaces, 0.0, torch.ones(5)), (bent, 1.0, START.norm(dim=1) - 1)],
)
def test_it_is_as_short_as_the_closed_form(function, level, least):
    found = DDN(steps=300).shorten(function, START, -BOX, BOX, level=level)
    torch.testing.assert_close(found.norm, least.double(), rtol=5e-3, atol=0)
    assert bool((found.norm <= found.straight).all())
    assert bool((function(found.x, torch.arange(5))[0] <= level).all())
    torch.testing.assert_close(found.x.norm(dim=1), found.norm)


def test_every_point_is_in_the_box_and_the_shortest_of_them_counts():
    seen, told = [], []
    upper = 0.8 * START.abs().amax(1, keepdim=True).expand_as(START)

    def watched(x, problems):
        assert bool((x.abs() <= upper + 1e-12).all())
        values, gradients = half_spaces(x, problems)
        seen.append(torch.where(values <= 0, x.norm(dim=1), torch.inf))
        return values, gradients

    found = DDN(steps=50).shorten(
        watched, START, -upper, upper, level=0.0, progress=lambda *each: told.append(each)
    )
    torch.testing.assert_close(found.norm, torch.stack(seen).amin(0))
    assert found.evaluations == len(seen) == len(told)
    assert all(a[1] < b[1] for a, b in pairwise(told))


def test_a_problem_that_breaks_or_cannot_be_solved_moves_no_neighbour():
    def brittle(x, problems):
        values, gradients = half_spaces(x, problems)
        broken = (problems == 1) & (x.norm(dim=1) < 1.5)
        values = torch.where(problems == 3, 9.0, torch.where(broken, torch.nan, values))
        return values, torch.where(broken[:, None], torch.inf, gradients)

    clean = DDN().shorten(half_spaces, START, -BOX, BOX, level=0.0)
    found = DDN().shorten(brittle, START, -BOX, BOX, level=0.0)
    assert torch.equal(found.x[[0, 2, 4]], clean.x[[0, 2, 4]])
    assert found.norm.isnan().tolist() == [False, False, False, True, False]
    assert 1.5 <= found.norm[1] <= found.straight[1]


def test_settings_out_of_range():
    for settings, message in (
        ({"steps": 0}, "steps >= 1, got 0"),
        ({"bisections": -1}, "bisections >= 0, got -1"),
        ({"gamma": 1.0}, "gamma between 0 and 1, got 1.0"),
        ({"step_size": 0.0}, "step_size > 0, got 0.0"),
    ):
        with pytest.raises(InputError, match=message):
            DDN(**settings)
    with pytest.raises(ValueError, match="holds 0"):
        DDN().shorten(half_spaces, START, BOX, BOX + 1, level=0.0)
