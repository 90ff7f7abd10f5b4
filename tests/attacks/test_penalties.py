import numpy as np
import pytest

from pyro_seatbelt.attacks import PAPER_WEIGHTS, geometric_weights
from pyro_seatbelt.errors import InputError


def test_the_paper_has_zero_and_fifty_geometric_values():
    assert len(PAPER_WEIGHTS) == 51
    assert PAPER_WEIGHTS[0] == 0
    np.testing.assert_allclose(PAPER_WEIGHTS[1:], np.logspace(-20, 20, 50, base=2))


def test_few_weights():
    assert geometric_weights(0) == (0.0,)
    assert geometric_weights(1) == (0.0, 2.0**-20)
    with pytest.raises(InputError, match="expected at most 100,000 weights lambda, got 99999999"):
        geometric_weights(10**400 - 1)
    with pytest.raises(InputError, match="expected 0 weights lambda or more, got -1"):
        geometric_weights(-1)
