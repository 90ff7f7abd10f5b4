"""One thing done otherwise, and nothing else."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch.distributions import Normal

from pyro_seatbelt.attacks import LBFGSB, Attack, LatentKL, LatentW2
from pyro_seatbelt.paper import mechanisms as room
from pyro_seatbelt.paper.mechanisms import (
    VARIANTS,
    UnsharedNoise,
    clean_distances,
    mechanisms,
)

WEIGHTS = (0.0, 1e-6, 0.05, 1e9)


@pytest.fixture(scope="module")
def bind(pairs):
    def make(layers, objective=None, **settings):
        pair = pairs.ChainModel(layers).double(), pairs.ChainGuide(layers).double()
        images = (pairs.images(2, seed).double() for seed in (1, 2))
        attack = Attack(objective or LatentKL(), LBFGSB(max_iterations=60), WEIGHTS, **settings)
        return attack.bind(*pair, *images)

    return make


@pytest.fixture(scope="module")
def chain(bind):
    return mechanisms(bind(2))


@pytest.fixture(scope="module")
def flat(bind):
    return mechanisms(bind(1))


def test_every_problem_has_every_objective(chain):
    assert chain["pair"].tolist() == [0] * 4 + [1] * 4
    assert chain["weight"].tolist() == [*WEIGHTS, *WEIGHTS]
    assert np.isfinite(chain[[*VARIANTS, "planted", "norm"]]).all(axis=None)


def test_the_control_is_the_attack_itself(chain, bind):
    bound = bind(2, ends="input", zero_test=False, start="uniform")
    [(_, result)] = bound.run()
    np.testing.assert_allclose(chain["value"], result.value, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(chain["norm"], result.norm, rtol=1e-9, atol=1e-12)


def test_both_ends_are_below_either(chain):
    ends = chain[["value", "clean", "planted"]].min(axis=1)
    assert (chain["both_ends"] <= ends * (1 + 1e-9)).all()
    assert chain["planted"][0] == 0


def test_fresh_noise_is_a_floor_where_layers_are_drawn_and_nothing_else(chain, flat):
    least = chain["weight"] <= 1e-6
    assert chain["value"][least].max() < 1e-4
    assert chain["fresh"][least].min() > 100 * chain["value"][least].max()
    # a single layer is drawn from nothing that is drawn
    np.testing.assert_allclose(flat["fresh"], flat["value"], rtol=1e-6, atol=1e-9)


def test_the_last_value_is_no_better_than_the_best(chain):
    assert (chain["last"] >= chain["value"] * (1 - 1e-9)).all()


def test_gradients_are_clipped_to_a_norm_and_no_more(bind, monkeypatch):
    exact = mechanisms(bind(1))
    assert (exact["clipped"] > exact["value"] + 1e-3).any()
    monkeypatch.setattr(room, "CLIPPED_TO", math.inf)
    unclipped = mechanisms(bind(1))
    pd.testing.assert_series_equal(unclipped["clipped"], unclipped["value"], check_names=False)


def test_squared_norms_agree_where_there_is_no_penalty(chain):
    free = chain["weight"] == 0
    pd.testing.assert_series_equal(chain["squared"][free], chain["value"][free], check_names=False)
    short = (chain["norm"] < 1) & ~free  # costs less by its square
    assert short.any()
    assert (chain["squared"][short] <= chain["value"][short] * (1 + 1e-6)).all()


def test_w2_is_that_of_the_same_distortion(flat, bind):
    near = flat["weight"] == 1e9  # d is next to 0
    clean = clean_distances(bind(1))
    reference = clean_distances(bind(1, LatentW2()))
    assert clean["clean_w2"].tolist() == reference["clean"].tolist()
    penalty = (flat["weight"] * flat["norm"])[near]
    np.testing.assert_allclose((flat["w2"][near] - penalty), clean["clean_w2"], rtol=1e-3)


def test_without_a_search_there_are_clean_images(chain, bind):
    clean = clean_distances(bind(2))
    assert clean["pair"].tolist() == [0, 1]
    for pair, own in chain.groupby("pair"):
        # every problem has noise of its own: that of the first penalty
        np.testing.assert_allclose(own["clean"].iloc[0], clean["clean"][pair], rtol=1e-12)


def test_unshared_noise_is_another_one_each_time_and_the_same_again():
    def two():
        noise = UnsharedNoise([0, 1], seed=3)
        fn = Normal(torch.zeros(2), torch.ones(2))
        return [noise.draw("z", fn, axis=0, rows=[0, 1]) for _ in range(2)]

    first, second = two()
    assert not torch.equal(first, second)
    assert all(map(torch.equal, two(), (first, second)))
