from types import SimpleNamespace

import pytest

from pyro_seatbelt.training import LinearWarmup


def test_only_the_named_weights_rise():
    objective = SimpleNamespace(alpha=1.0, beta=8.0, gamma=1.0)
    warmup = LinearWarmup(objective, 4)
    betas = []
    for step in range(1, 7):
        warmup(step)
        betas.append(objective.beta)
    assert betas == [2.0, 4.0, 6.0, 8.0, 8.0, 8.0]
    assert objective.alpha == objective.gamma == 1.0


def test_steps_may_come_in_any_order():
    objective = SimpleNamespace(beta=4.0)
    warmup = LinearWarmup(objective, 4)
    warmup(100)
    warmup(1)
    assert objective.beta == 1.0


def test_without_steps_nothing_changes():
    objective = SimpleNamespace(alpha=2.0, beta=4.0, gamma=3.0)
    LinearWarmup(objective, 0, names=("alpha", "beta", "gamma"))(1)
    assert vars(objective) == {"alpha": 2.0, "beta": 4.0, "gamma": 3.0}


def test_negative_steps_are_refused():
    with pytest.raises(ValueError, match="expected steps >= 0, got -1"):
        LinearWarmup(SimpleNamespace(beta=1.0), -1)
