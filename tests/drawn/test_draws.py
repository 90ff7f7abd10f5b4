from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from pyro_seatbelt.drawn.draws import Draws


def sample(draw: Callable[[Draws], float]) -> np.ndarray:
    return np.array([draw(Draws(identity, key=3, most=4)) for identity in range(4000)])


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda draws: draws.between(2, 5), stats.uniform(2, 3)),
        (lambda draws: draws.normal(0.5), stats.norm(0, 0.5)),
        (lambda draws: draws.beta(0.5, 0.5), stats.beta(0.5, 0.5)),
        (lambda draws: draws.beta(0.6, 1.2), stats.beta(0.6, 1.2)),
        (lambda draws: draws.dirichlet(0.7, 3)[0], stats.beta(0.7, 1.4)),
    ],
)
def test_distributions(draw: Callable[[Draws], float], expected):
    assert stats.kstest(sample(draw), expected.cdf).pvalue > 0.01


def test_shares_add_up():
    assert Draws(0, key=0, most=4).dirichlet(0.7, 4).sum() == pytest.approx(1)


def test_whole_numbers_and_choices():
    assert set(sample(lambda draws: draws.whole(2, 4))) == {2, 3, 4}
    counts = np.unique(sample(lambda d: d.choice((0, 1, 2), (0.2, 0, 0.8))), return_counts=True)
    assert counts[0].tolist() == [0, 2]
    assert counts[1][1] / 4000 == pytest.approx(0.8, abs=0.03)


def test_no_more_than_most():
    draws = Draws(0, key=0, most=1)
    draws.between(0, 1)
    with pytest.raises(StopIteration):
        draws.between(0, 1)


def test_normals_are_finite_at_the_ends(monkeypatch: pytest.MonkeyPatch):
    for end in (0.0, 1 - 2.0**-53):
        draws = Draws(0, key=0, most=1)
        monkeypatch.setattr(draws, "_uniforms", iter([end]))
        assert np.isfinite(draws.normal(1))
