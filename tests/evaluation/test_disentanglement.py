import math

import numpy as np
import pytest

from pyro_seatbelt.evaluation import disentanglement_scores
from pyro_seatbelt.evaluation.disentanglement import concentration

RNG = np.random.default_rng(0)
FACTORS = {"shape": RNG.integers(0, 3, 1000), "size": RNG.integers(0, 4, 1000)}
PERFECT = np.stack([FACTORS["size"], np.zeros(1000), FACTORS["shape"]], 1)


def scores(codes, noise=0.05):
    return disentanglement_scores(codes + RNG.normal(0, noise, codes.shape), FACTORS)


def test_a_perfect_code():
    found = scores(PERFECT)
    assert found.dci_disentanglement > 0.95
    assert found.dci_completeness > 0.9
    assert found.dci_informativeness > 0.99
    assert found.sap > 0.3


def test_a_rotated_code_tells_as_much_but_is_entangled():
    angle = math.pi / 4
    rotation = np.array([[math.cos(angle), 0, -math.sin(angle)], [0, 1, 0],
                         [math.sin(angle), 0, math.cos(angle)]])  # fmt: skip
    perfect, rotated = scores(PERFECT), scores(PERFECT @ rotation)
    assert rotated.dci_informativeness > 0.9
    assert rotated.dci_disentanglement < perfect.dci_disentanglement - 0.3
    assert rotated.sap < perfect.sap - 0.2


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_scores_do_not_depend_on_the_scale_of_a_layer(scale):
    codes = PERFECT + RNG.normal(0, 0.05, PERFECT.shape)
    one, other = (disentanglement_scores(each, FACTORS) for each in (codes, scale * codes))
    assert other.sap == pytest.approx(one.sap, abs=0.01)
    assert other.dci_disentanglement == pytest.approx(one.dci_disentanglement, abs=0.01)


def test_noise_scores_nothing():
    found = scores(np.zeros((1000, 4)), noise=1.0)
    assert found.dci_disentanglement < 0.1
    assert found.sap < 0.05
    assert found.dci_informativeness < 0.5


def test_the_same_seed_gives_the_same_scores():
    codes = PERFECT + RNG.normal(0, 0.3, PERFECT.shape)
    assert disentanglement_scores(codes, FACTORS) == disentanglement_scores(codes, FACTORS)


def test_two_images_are_enough():
    found = disentanglement_scores(np.eye(2), {"shape": np.arange(2)})
    assert all(0 <= each <= 1 for each in found)
    assert disentanglement_scores(np.eye(2)[:, :1], {"shape": np.arange(2)}).sap >= 0


def test_concentration_by_hand():
    table = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 0.0]])
    assert concentration(table) == pytest.approx(0.5)  # (1 * 1 + 1 * 0) / 2
    uneven = np.array([[3.0, 1.0]])
    entropy = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert concentration(uneven) == pytest.approx(1 - entropy)
    assert concentration(np.zeros((2, 2))) == 0
    assert concentration(np.ones((4, 1))) == 1


def test_messages():
    with pytest.raises(ValueError, match="a factor that varies, got 9 and 0"):
        disentanglement_scores(np.zeros((9, 2)), {"shape": np.zeros(9, np.int64)})
    with pytest.raises(ValueError, match=r"expected factor shape of shape \(9,\)"):
        disentanglement_scores(np.zeros((9, 2)), {"shape": np.arange(3)})
