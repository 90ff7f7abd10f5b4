import pytest
import torch
from pyro.infer import Trace_ELBO

from pyro_seatbelt.defences import InputNoise
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.programs import trace_pair


def test_value_and_gradient_are_those_of_the_noisy_posterior(painter, critic, x):
    parameters = [*painter.parameters(), *critic.parameters()]
    torch.manual_seed(3)
    loss = InputNoise(Trace_ELBO(), 0.3)(painter, critic)(x)
    torch.manual_seed(3)
    noisy = x + 0.3 * torch.randn_like(x)
    noisy = torch.where(noisy < 0, 0.0, torch.where(noisy > 1, 1.0, noisy))
    assert (noisy == 0).any()
    assert (noisy == 1).any()
    traces = trace_pair(painter, critic, noisy, observed=x)
    wanted = traces.guide.log_prob_sum() - traces.model.log_prob_sum()
    torch.testing.assert_close(loss, wanted)
    pairs = zip(
        torch.autograd.grad(loss, parameters), torch.autograd.grad(wanted, parameters), strict=True
    )
    for one, other in pairs:
        torch.testing.assert_close(one, other)


def test_the_range_of_the_pixels_can_be_another(painter, critic, x):
    shown = []
    critic.norm.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0]))
    InputNoise(Trace_ELBO(), 5.0, pixels=(-1.0, 2.0))(painter, critic)(x)
    assert (shown[0].min(), shown[0].max()) == (-1, 2)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan")])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(InputError, match="expected a finite scale > 0 of the noise, got"):
        InputNoise(Trace_ELBO(), scale)
