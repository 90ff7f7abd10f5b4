import pytest
import torch
from pyro import poutine
from torch import nn

from pyro_seatbelt.guides import BottomUp
from pyro_seatbelt.models import ConditionalNormal, MLPEncoder


def guide(*, condition_on_image=False):
    torch.manual_seed(0)
    upper = 3 + (16 if condition_on_image else 0)
    heads = [nn.Linear(16, 6), nn.Linear(upper, 4), nn.Linear(2 + upper - 3, 2)]
    return BottomUp(
        MLPEncoder((1, 4, 4), 16),
        [ConditionalNormal(head) for head in heads],
        num_data=20,
        condition_on_image=condition_on_image,
    )


@pytest.mark.parametrize("condition_on_image", [False, True])
def test_the_density_is_the_chain_of_equation_7(condition_on_image):
    program = guide(condition_on_image=condition_on_image)
    x = torch.rand(5, 1, 4, 4)
    trace = poutine.trace(program).get_trace(x)
    z = [trace.nodes[name]["value"] for name in ("z1", "z2", "z3")]
    features = program.encoder(x)
    seen = (features,) if condition_on_image else ()
    parents = [(features,), (z[0], *seen), (z[1], *seen)]
    expected = sum(
        head(*parent).log_prob(value)
        for head, parent, value in zip(program.conditionals, parents, z, strict=True)
    )
    trace.compute_log_prob()
    actual = sum(trace.nodes[name]["unscaled_log_prob"] for name in ("z1", "z2", "z3"))
    torch.testing.assert_close(actual, expected)


def test_layers_may_have_different_lengths():
    assert [z.shape[-1] for z in guide()(torch.rand(5, 1, 4, 4))] == [3, 2, 1]


def test_messages():
    with pytest.raises(ValueError, match="expected one conditional per layer, got none"):
        BottomUp(MLPEncoder((1, 4, 4), 8), [], num_data=3)
    with pytest.raises(ValueError, match="expected num_data >= 1, got 0"):
        BottomUp(MLPEncoder((1, 4, 4), 8), [nn.Linear(8, 2)], num_data=0)
