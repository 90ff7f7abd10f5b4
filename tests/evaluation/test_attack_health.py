import numpy as np
import pandas as pd
import pytest
import torch

from pyro_seatbelt.evaluation.attack_health import (
    check_blend,
    check_gradient_free,
    check_iterations,
    check_noise,
    check_planted,
    check_unlimited,
)
from pyro_seatbelt.evaluation.distortion_lines import distortion_lines
from pyro_seatbelt.evaluation.resistance import resistance
from pyro_seatbelt.evaluation.square_search import square_search

NAN = float("nan")


def halves(pair, x, target, distortions):
    lines = distortion_lines(pair.model, pair.guide, x, target, distortions, range(len(x)))
    return np.array([resistance(*lines.of(number), 0.5) for number in range(len(x))])


def test_an_attack_that_returns_noise_is_found_out(make_identity, blend_pairs):
    pair, (x, target) = make_identity(), blend_pairs
    noise = (x + torch.randn(x.shape)).clamp(0, 1) - x
    blend, broken = halves(pair, x, target, target - x), halves(pair, x, target, noise)
    check = check_blend(broken, blend)
    assert check.passed is False
    assert check.text == "3 of 3 pairs need more distortion than the blend"
    assert check_blend(blend, blend).passed
    assert check_noise(blend, broken).passed
    assert check_unlimited(np.zeros(3)).passed is False


def test_noise_or_a_search_that_does_as_well_is_told():
    assert check_noise(np.array([0.4, 1.0]), np.array([0.4, 1.0])).text.startswith("1 of 2 pairs")
    assert check_gradient_free(np.array([0.4]), np.array([0.39])).passed is False
    assert check_gradient_free(np.array([0.4]), np.array([0.4])).passed


@pytest.mark.parametrize("check", [check_blend, check_noise, check_gradient_free])
def test_what_is_undefined_passes_nothing(check):
    undefined = np.array([NAN, NAN])
    assert check(undefined, undefined).passed is None
    assert check(np.array([NAN, 0.3]), np.array([NAN, 0.5])).text.startswith(("0 of 1", "1 of 1"))


def test_iterations():
    assert check_iterations(0.2, 0.199).passed
    assert check_iterations(0.2, 0.19).passed is False
    assert check_iterations(NAN, 0.2).passed is None


def test_the_planted_solution_bounds_every_latent_problem():
    table = pd.DataFrame(
        {
            "mode": ["latent-kl", "latent-w2", "output"],
            "weight": [1.0, 0.0, 1.0],
            "value": [4.0, 0.0, 900.0],
            "l2_input_to_target": [4.0, 4.0, 4.0],
        }
    )
    check = check_planted(table)
    assert check.passed
    assert check.text == "0 of 2 problems end above the planted solution"
    assert check_planted(table.assign(value=[4.1, 0.0, 900.0])).passed is False
    assert check_planted(table.assign(value=[4.0, NAN, 900.0])).passed is False
    kept = table.assign(value_at_target=[4.0, None, 800.0])
    assert check_planted(kept).text == "1 of 3 problems end above the planted solution"


def test_a_search_without_gradients_lowers_the_distance_and_keeps_its_size(
    make_identity, blend_pairs
):
    pair, (x, target) = make_identity(), blend_pairs

    class Half:
        """Only the upper rows of the image reach the reconstruction."""

        model = pair.model

        def guide(self, images):
            seen = images.clone()
            seen[..., 2:, :] = 0
            pair.guide(seen)

    half, size = Half(), np.full(3, 0.4)
    found = square_search(half.model, half.guide, x, target, size, steps=300)
    norm = found.flatten(1).norm(dim=1) / (target - x).flatten(1).norm(dim=1)
    assert (norm <= 0.4 + 1e-6).all()
    assert ((x + found >= 0) & (x + found <= 1)).all()
    lines = distortion_lines(half.model, half.guide, x, target, found, range(3))
    blend = distortion_lines(half.model, half.guide, x, target, target - x, range(3))
    for number in range(3):
        covered = np.interp(0.4, *(each[0] for each in blend.of(number)))
        assert lines.covered[number, -1] > covered + 0.05
