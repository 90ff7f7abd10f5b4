import numpy as np
import pytest
import torch
from torch import nn

from pyro_seatbelt.evaluation.certificate import certified_resistance
from pyro_seatbelt.evaluation.lipschitz_bound import lipschitz_bound
from pyro_seatbelt.traces.coverage import covered_share, l2_norms


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_no_distortion_below_covers_the_share(share):
    network = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 6), nn.Sigmoid()).double()
    x, target = torch.rand(2, 30, 6).double()
    with torch.no_grad():
        clean, aim = network(x), network(target)
        room, apart = l2_norms(clean - aim), l2_norms(x - target)
        certified = certified_resistance(lipschitz_bound(network), room, apart, share)
        assert np.isfinite(certified).any()
        for _ in range(100):
            d = nn.functional.normalize(torch.randn(30, 6).double(), dim=1)
            size = torch.from_numpy(np.nan_to_num(certified) * apart)
            moved = network(x + d * size[:, None])
            covered = covered_share(l2_norms(moved - aim), room, apart)
            assert (covered[np.isfinite(covered)] <= share).all()


def test_tight_for_a_similarity():
    # r(x) = 3 x: d = s (x_t - x) covers just the share s
    assert certified_resistance(3.0, [6.0], [2.0], 0.9) == pytest.approx([0.9])


def test_bad_arguments():
    with pytest.raises(ValueError, match="Lipschitz bound > 0, got 0"):
        certified_resistance(0.0, [1.0], [1.0], 0.5)
    with pytest.raises(ValueError, match=r"share in \(0, 1\], got 2"):
        certified_resistance(1.0, [1.0], [1.0], 2.0)
