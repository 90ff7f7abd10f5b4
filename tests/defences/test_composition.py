import pytest
import torch
from pyro.infer import Trace_ELBO, TraceMeanField_ELBO
from torch import nn

from pyro_seatbelt import presets
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.defences import AdversarialTraining, InputNoise, PosteriorAttack, SmoothEncoder
from pyro_seatbelt.objectives import TraceTC_ELBO
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode

ATTACK = PosteriorAttack(0.5, 2)
WRAPS = {
    "noise": lambda inner: InputNoise(inner, 0.1),
    "adversarial": lambda inner: AdversarialTraining(inner, ATTACK),
    "smooth": lambda inner: SmoothEncoder(inner, 2.0, ATTACK),
    "noise, smooth": lambda inner: InputNoise(SmoothEncoder(inner, 2.0, ATTACK), 0.1),
    "all": lambda inner: InputNoise(
        SmoothEncoder(AdversarialTraining(inner, ATTACK), 2.0, ATTACK), 0.1
    ),
}
OBJECTIVES = {
    "elbo": Trace_ELBO,
    "particles": lambda: Trace_ELBO(num_particles=3),
    "vectorised": lambda: Trace_ELBO(3, max_plate_nesting=1, vectorize_particles=True),
    "mean field": TraceMeanField_ELBO,
    "tc": lambda: TraceTC_ELBO("code", beta=4.0, plate="pictures"),
}


@pytest.mark.parametrize(
    ("wrap", "objective"),
    [
        *((wrap, "elbo") for wrap in WRAPS),
        *(("all", each) for each in OBJECTIVES if each != "elbo"),
    ],
)
def test_any_objective_of_anybodys_pair_is_minimised(wrap, objective, painter, critic, x):
    loss = WRAPS[wrap](OBJECTIVES[objective]())(painter, critic)
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.1)
    losses = []
    for _ in range(10):
        optimiser.zero_grad()
        losses.append(loss(x))
        losses[-1].backward()
        optimiser.step()
    assert sum(losses[-3:]) < sum(losses[:3])
    assert {*loss.parameters()} == {*painter.parameters(), *critic.parameters()}


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("name", ["beta-tcvae", "seatbelt"])
def test_the_family_is_trained_and_observed(wrap, name):
    model, guide, objective = presets.build(
        name, network="mlp", features=8, hidden=8, image_shape=(1, 8, 8), num_data=20,
        num_particles=2,
    )  # fmt: skip
    defence = WRAPS[wrap](objective)
    reports = []
    with defence.observing(reports.append):
        defence(model, guide)(torch.rand(6, 1, 8, 8)).backward()
    assert len(reports) == 1
    assert all(each.grad.abs().sum() > 0 for each in guide.parameters())


def test_what_has_no_reports_says_so():
    assert not hasattr(InputNoise(Trace_ELBO(), 0.1), "observing")


def test_the_inner_one_starts_from_what_the_outer_one_shows(painter, critic, x):
    defence = InputNoise(AdversarialTraining(Trace_ELBO(), ATTACK), 0.2)
    loss = defence(painter, critic)
    shown = []
    with evaluation_mode(critic):
        pair = read_pair(None, critic, x)
    loss.inner.inner.guide.register_forward_pre_hook(
        lambda _, inputs: shown.append(loss.inner.inner.guide._seen)
    )
    torch.manual_seed(3)
    loss(x)
    torch.manual_seed(3)
    noisy = (x + 0.2 * torch.randn_like(x)).clamp(0, 1)
    assert torch.equal(shown[0], ATTACK(pair, noisy).images)


def test_a_guide_that_cannot_be_attacked_is_named(painter, critic, x):
    class Bare(nn.Module):
        def forward(self, x):
            return critic.net(x.flatten(1))

    loss = AdversarialTraining(Trace_ELBO(), ATTACK)(painter, Bare())
    with pytest.raises(ValueError, match="expected one vectorised plate of the guide"):
        loss(x)
