import math

import numpy as np
import pytest
from scipy import stats

from pyro_seatbelt.evaluation.medians import median_gain, median_over_runs


def test_of_one_run_it_is_the_percentile_bootstrap_over_pairs():
    values = np.random.default_rng(0).normal(size=200)
    found = median_over_runs([values], draws=4000)
    oracle = stats.bootstrap(
        (values,), np.median, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.median == np.median(values)
    assert found.low == pytest.approx(oracle.low, abs=0.02)
    assert found.high == pytest.approx(oracle.high, abs=0.02)


def test_seeds_that_differ_widen_the_interval():
    """Thirty pairs of three seeds are not thirty draws of their own."""
    rng = np.random.default_rng(0)
    runs = [centre + 0.01 * rng.normal(size=10) for centre in (0.2, 0.5, 0.8)]
    pooled, alone = median_over_runs(runs), median_over_runs([np.concatenate(runs)])
    assert pooled.median == alone.median
    assert pooled.num == 30
    assert pooled.low < 0.25
    assert pooled.high > 0.75
    same = [0.5 + 0.01 * rng.normal(size=10) for _ in range(3)]
    narrow = median_over_runs(same)
    assert narrow.high - narrow.low < 0.03


def test_the_same_values_give_the_same_interval():
    values = [[0.1, 0.2, 0.7], [0.3, 0.4]]
    assert median_over_runs(values) == median_over_runs(values)


def test_undefined_values_count_nowhere():
    found = median_over_runs([[math.nan, 0.3], [math.nan, math.nan], [math.inf]])
    assert (found.median, found.num) == (0.3, 1)
    assert math.isnan(found.low)
    assert median_over_runs([[math.nan], []])[3] == 0
    assert math.isnan(median_over_runs([]).median)


def test_a_gain_over_the_same_pairs_has_a_narrower_interval_than_both_medians():
    """Pairs differ far more than the two models do on any of them."""
    rng = np.random.default_rng(0)
    base = [rng.uniform(size=40) for _ in range(3)]
    runs = [0.05 + each for each in base]
    gain = median_gain(runs, base)
    assert gain.median == pytest.approx(0.05)
    assert (gain.low, gain.high) == pytest.approx((0.05, 0.05))
    one, other = median_over_runs(runs), median_over_runs(base)
    assert one.low < other.high  # told apart by their pairs alone


def test_a_gain_is_the_bootstrap_over_pairs_of_one_run():
    rng = np.random.default_rng(0)
    base = rng.normal(size=150)
    run = base + rng.normal(size=150) + 0.3
    found = median_gain([run], [base], draws=4000)
    oracle = stats.bootstrap(
        (run, base), lambda a, b: np.median(a) - np.median(b), paired=True, vectorized=False,
        n_resamples=4000, method="percentile", rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), abs=0.03)


def test_a_pair_that_is_undefined_for_either_counts_for_none():
    found = median_gain([[1.0, math.nan, 3.0, 9.0]], [[0.0, 1.0, 1.0, math.inf]])
    assert (found.median, found.num) == (1.5, 2)
    assert median_gain([[math.nan]], [[1.0]]).num == 0


def test_a_gain_is_over_the_same_pairs():
    with pytest.raises(ValueError, match=r"expected the same pairs of both, got \[2\] and \[1\]"):
        median_gain([[1.0, 2.0]], [[1.0]])
