import math

import numpy as np
import pytest

from pyro_seatbelt.data.subset import even_subset, golden_stride


@pytest.mark.parametrize("total", [1, 2, 3, 4, 10, 127, 720, 737_280])
def test_stride_visits_everything(total: int):
    assert math.gcd(golden_stride(total), total) == 1
    assert golden_stride(total) >= 1


@pytest.mark.parametrize(("kept", "total"), [(1, 1), (3, 3), (7, 10), (720, 737_280)])
def test_numbers_are_distinct_and_there(kept: int, total: int):
    numbers = even_subset(kept, total)
    assert len(np.unique(numbers)) == kept
    assert numbers.min() >= 0
    assert numbers.max() < total


def test_lie_evenly():
    counts, _ = np.histogram(even_subset(1000, 737_280), bins=10, range=(0, 737_280))
    assert counts.min() >= 98
    assert counts.max() <= 102
