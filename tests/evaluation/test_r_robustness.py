import math

import numpy as np
import torch
from scipy import stats

from pyro_seatbelt.evaluation.r_robustness import r_robustness


def test_it_is_the_probability_of_a_chi_distribution(make_identity, blend_pairs):
    """Two draws of an identity differ by a Gaussian of twice the variance in 16 pixels."""
    pair, (x, _) = make_identity(), blend_pairs
    scale = 0.01 * math.sqrt(2)
    radius = stats.chi(16, scale=scale).ppf([0.1, 0.5, 0.9])
    found = r_robustness(pair.model, pair.guide, x, x, radius, draws=4000)
    np.testing.assert_allclose(found, [0.1, 0.5, 0.9], atol=0.03)


def test_a_distortion_beyond_the_radius_leaves_no_chance(make_identity, blend_pairs):
    pair, (x, target) = make_identity(), blend_pairs
    moved = torch.linalg.vector_norm((target - x).flatten(1), dim=1).numpy()
    found = r_robustness(pair.model, pair.guide, x, target, np.array([0.5, 0.5, 2.0]) * moved)
    assert found.tolist() == [0.0, 0.0, 1.0]
