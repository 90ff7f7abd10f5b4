import math

import numpy as np
import pytest
import torch
from torch.distributions import Laplace, Normal

from pyro_seatbelt.evaluation import Encoding
from pyro_seatbelt.evaluation.mig import mutual_information_gap

RNG = np.random.default_rng(0)
FACTORS = {"shape": RNG.integers(0, 3, 600), "size": RNG.integers(0, 5, 600)}


def encoding_of(means, scale=0.3, family=Normal):
    loc = torch.as_tensor(np.asarray(means, dtype=np.float64))
    posterior = family(loc, torch.full_like(loc, scale))
    return Encoding(posterior.sample(), posterior)


def slow_gap(encoding, factors):
    """Loops over draws, dimensions and factors."""
    loc, scale = encoding.posterior.loc.numpy(), encoding.posterior.scale.numpy()
    draws = encoding.draws.numpy()
    gaps = []
    for values in factors.values():
        shares = np.bincount(values) / len(values)
        entropy = -sum(share * math.log(share) for share in shares if share)
        informations = []
        for d in range(loc.shape[1]):
            information = 0.0
            for i in range(len(draws)):
                density = np.exp(-0.5 * ((draws[i, d] - loc[:, d]) / scale[:, d]) ** 2)
                density /= scale[:, d] * math.sqrt(2 * math.pi)
                own = density[values == values[i]].mean()
                information += math.log(own) - math.log(density.mean())
            informations.append(information / len(draws))
        ordered = sorted(max(each, 0.0) for each in informations)
        gaps.append((ordered[-1] - ordered[-2]) / entropy)
    return sum(gaps) / len(gaps)


def test_it_equals_slow_code():
    generator = np.random.default_rng(1)
    means = np.stack(
        [FACTORS["shape"], 0.5 * FACTORS["size"], FACTORS["shape"] * FACTORS["size"]], 1
    )
    encoding = encoding_of(means + generator.normal(0, 0.2, means.shape))
    found = mutual_information_gap(encoding, FACTORS)
    assert found.gap == pytest.approx(slow_gap(encoding, FACTORS), rel=1e-9)
    assert found.factors == ("shape", "size")
    assert found.information.shape == (3, 2)
    for entropy, values in zip(found.entropies, FACTORS.values(), strict=True):
        shares = np.bincount(values) / 600
        assert entropy == pytest.approx(-(shares * np.log(shares)).sum())


@pytest.mark.parametrize("family", [Normal, Laplace])
def test_a_perfect_code_has_a_gap_near_one(family):
    noise = np.zeros(600)
    perfect = np.stack([8 * FACTORS["size"], noise, 8 * FACTORS["shape"]], 1)
    assert mutual_information_gap(encoding_of(perfect, family=family), FACTORS).gap > 0.97


def test_two_dimensions_that_say_the_same_have_none():
    twice = np.stack([8 * FACTORS["size"], 8 * FACTORS["size"]], 1)
    gap = mutual_information_gap(encoding_of(twice), {"size": FACTORS["size"]}).gap
    assert gap == pytest.approx(0, abs=0.01)


def test_noise_has_a_gap_near_zero():
    noise = np.random.default_rng(2).normal(size=(600, 4))
    assert mutual_information_gap(encoding_of(noise, 0.5), FACTORS).gap < 0.02


def test_draws_of_some_images_estimate_it():
    means = np.stack([FACTORS["shape"], FACTORS["size"]], 1)
    encoding = encoding_of(means)
    whole = mutual_information_gap(encoding, FACTORS).gap
    some = mutual_information_gap(encoding, FACTORS, num_draws=300).gap
    assert some == pytest.approx(whole, abs=0.06)


def test_one_dimension_is_its_information():
    code = encoding_of(8.0 * FACTORS["shape"][:, None])
    assert mutual_information_gap(code, {"shape": FACTORS["shape"]}).gap > 0.99


def test_factors_of_one_value_are_left_out():
    code = encoding_of(FACTORS["shape"][:, None])
    constant = {"colour": np.zeros(600, np.int64)}
    found = mutual_information_gap(code, {**FACTORS, **constant})
    assert found.factors == ("shape", "size")
    with pytest.raises(ValueError, match="a factor with more than one value, got none"):
        mutual_information_gap(code, constant)
    with pytest.raises(ValueError, match=r"expected factor shape of shape \(600,\), got \(3,\)"):
        mutual_information_gap(code, {"shape": np.arange(3)})
