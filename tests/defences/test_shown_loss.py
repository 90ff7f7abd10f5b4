import pytest
import torch
from pyro.infer import Trace_ELBO

from pyro_seatbelt import presets
from pyro_seatbelt.defences.shown_loss import ShownLoss
from pyro_seatbelt.traces.programs import trace_pair


def written_out(model, guide, x, seen):
    traces = trace_pair(model, guide, seen, observed=x)
    return traces.guide.log_prob_sum() - traces.model.log_prob_sum()


def test_the_model_observes_x_and_the_guide_sees_another(painter, critic, x):
    seen = torch.rand_like(x)
    parameters = [*painter.parameters(), *critic.parameters()]
    torch.manual_seed(3)
    loss = ShownLoss(Trace_ELBO(), painter, critic)(x, seen)
    torch.manual_seed(3)
    wanted = written_out(painter, critic, x, seen)
    torch.testing.assert_close(loss, wanted)
    pairs = zip(
        torch.autograd.grad(loss, parameters), torch.autograd.grad(wanted, parameters), strict=True
    )
    for one, other in pairs:
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", ["vae", "seatbelt"])
def test_shown_what_is_observed_it_is_the_objective(name):
    family = presets.build(
        name, network="mlp", features=8, hidden=8, image_shape=(1, 4, 4), num_data=9
    )
    x = torch.rand(6, 1, 4, 4)
    torch.manual_seed(3)
    wanted = family.objective(family.model, family.guide)(x)
    torch.manual_seed(3)
    assert torch.equal(ShownLoss(family.objective, family.model, family.guide)(x, x), wanted)
