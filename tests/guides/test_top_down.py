import pytest
import torch
from pyro import poutine
from torch import nn

from pyro_seatbelt.guides import TopDown
from pyro_seatbelt.models import ConditionalNormal, MLPEncoder


def test_the_density_descends_from_the_top():
    torch.manual_seed(0)
    heads = [nn.Linear(2 + 16, 6), nn.Linear(1 + 16, 4), nn.Linear(16, 2)]
    program = TopDown(
        MLPEncoder((1, 4, 4), 16), [ConditionalNormal(head) for head in heads], num_data=20
    )
    x = torch.rand(5, 1, 4, 4)
    trace = poutine.trace(program).get_trace(x)
    z1, z2, z3 = (trace.nodes[name]["value"] for name in ("z1", "z2", "z3"))
    assert [z.shape[-1] for z in (z1, z2, z3)] == [3, 2, 1]
    features = program.encoder(x)
    low, middle, top = program.conditionals
    expected = (
        top(features).log_prob(z3)
        + middle(z3, features).log_prob(z2)
        + low(z2, features).log_prob(z1)
    )
    trace.compute_log_prob()
    actual = sum(trace.nodes[name]["unscaled_log_prob"] for name in ("z1", "z2", "z3"))
    torch.testing.assert_close(actual, expected)


def test_messages():
    with pytest.raises(ValueError, match="expected one conditional per layer, got none"):
        TopDown(MLPEncoder((1, 4, 4), 8), [], num_data=3)
    with pytest.raises(ValueError, match="expected num_data >= 1, got 0"):
        TopDown(MLPEncoder((1, 4, 4), 8), [nn.Linear(8, 2)], num_data=0)
