import numpy as np
import pytest
import torch

from pyro_seatbelt.attacks import LBFGSB, Attack, LatentL2
from pyro_seatbelt.evaluation.distortion_lines import distortion_lines
from pyro_seatbelt.evaluation.resistance import resistance


def blend(pair, x, target, **options):
    return distortion_lines(pair.model, pair.guide, x, target, target - x, range(len(x)), **options)


def test_the_blend_of_an_identity_covers_what_it_mixes(make_identity, blend_pairs):
    lines = blend(make_identity(), *blend_pairs)
    np.testing.assert_allclose(lines.covered, lines.distortion, atol=1e-6)
    assert lines.distortion.shape == (3, 9)
    for pair in range(3):
        assert resistance(*lines.of(pair), 0.5) == pytest.approx(0.5, abs=1e-6)
        assert resistance(*lines.of(pair), 0.9) == pytest.approx(0.9, abs=1e-6)


def test_no_attack_on_an_identity_beats_its_blend(make_identity, blend_pairs):
    pair, (x, target) = make_identity(), blend_pairs
    attack = Attack(LatentL2(), LBFGSB(), [0.0, 0.5, 0.9, 0.99], noise="mean")
    found = attack(pair.model, pair.guide, x, target)
    lines = distortion_lines(
        pair.model, pair.guide, x, target, found.distortion, found.pair.numpy()
    )
    for number in range(3):
        assert resistance(*lines.of(number), 0.5) == pytest.approx(0.5, abs=1e-3)


def test_random_noise_gets_nowhere(make_identity, blend_pairs):
    pair, (x, target) = make_identity(), blend_pairs
    noise = (x + torch.randn(x.shape)).clamp(0, 1) - x
    lines = distortion_lines(pair.model, pair.guide, x, target, noise, range(3))
    assert all(resistance(*lines.of(number), 0.5) == 1 for number in range(3))


def test_a_decoder_that_has_collapsed_has_no_way_to_cover(make_identity, blend_pairs):
    lines = blend(make_identity(factor=0.0), *blend_pairs)
    assert np.isnan(lines.covered).all()
    assert np.isnan(resistance(*lines.of(0), 0.5))


def test_lines_belong_to_their_pairs_in_any_order_and_number(make_identity, blend_pairs):
    pair, (x, target) = make_identity(), blend_pairs
    order = np.array([2, 0, 0])
    distortions = (target - x)[torch.from_numpy(order)]
    stages = []
    lines = distortion_lines(
        pair.model, pair.guide, x, target, distortions, order, num_points=200,
        progress=lambda *stage: stages.append(stage[:3]),
    )  # fmt: skip
    assert stages[-1] == ("lines", 3, 3)
    np.testing.assert_allclose(lines.covered, lines.distortion, atol=1e-6)
    assert len(lines.of(0)[0]) == 2
    assert len(lines.of(1)[0]) == 0
