import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyro_seatbelt.attacks import choose_pairs
from pyro_seatbelt.errors import InputError


@given(st.lists(st.integers(0, 4), min_size=2, max_size=30), st.integers(0, 3))
def test_no_image_twice_and_two_identities_a_pair(identities, seed):
    candidates = np.arange(100, 100 + len(identities))
    identity = dict(zip(candidates.tolist(), identities, strict=True))
    if len(set(identities)) < 2:
        with pytest.raises(InputError, match="make 0 pairs of different images and identities"):
            choose_pairs(candidates, identities, 1, seed=seed)
        return
    inputs, targets = choose_pairs(candidates, identities, 1, seed=seed)
    assert identity[inputs[0]] != identity[targets[0]]


def test_more_pairs_begin_with_the_same_ones():
    identities = np.repeat(np.arange(20), 5)
    few = choose_pairs(range(100), identities, 3, seed=7)
    many = choose_pairs(range(100), identities, 20, seed=7)
    assert many.inputs[:3].tolist() == few.inputs.tolist()
    assert many.targets[:3].tolist() == few.targets.tolist()
    assert len({*many.inputs, *many.targets}) == 40
    assert (identities[many.inputs] != identities[many.targets]).all()
    other = choose_pairs(range(100), identities, 20, seed=8)
    assert other.inputs.tolist() != many.inputs.tolist()


def test_images_that_look_alike_are_no_pair():
    inputs, targets = choose_pairs(range(6), range(6), 3, differ=lambda i, j: (i + j) % 2 == 1)
    assert ((inputs + targets) % 2 == 1).all()
    with pytest.raises(InputError, match="6 held-out images make 0 pairs"):
        choose_pairs(range(6), range(6), 1, differ=lambda i, j: False)


def test_too_many_pairs_are_refused():
    with pytest.raises(InputError, match=r"6 held-out images make 3 pairs .*, got 4 to make"):
        choose_pairs(range(6), range(6), 4)
    with pytest.raises(InputError, match="expected one pair or more, got 0"):
        choose_pairs(range(6), range(6), 0)
