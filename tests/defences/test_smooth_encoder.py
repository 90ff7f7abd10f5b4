import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from torch import nn
from torch.nn.functional import softplus

from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.defences import PosteriorAttack, SmoothEncoder
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from tests.small_pairs import ChainGuide, ChainModel

ATTACK = PosteriorAttack(0.8)


def coupling(model, guide, x, weight=3.0):
    """What the defence adds to the bound, with the attack that it saw."""
    bound = Trace_ELBO()
    torch.manual_seed(3)
    plain = bound(model, guide)(x)
    with evaluation_mode(guide):
        pair = read_pair(None, guide, x)
    attacked = ATTACK(pair, x)
    torch.manual_seed(3)
    loss = SmoothEncoder(bound, weight, ATTACK)(model, guide)(x)
    return loss - plain, attacked


def assert_same_gradients(found, wanted, module):
    torch.testing.assert_close(found, wanted)
    parameters = list(module.parameters())
    pairs = zip(
        torch.autograd.grad(found, parameters), torch.autograd.grad(wanted, parameters), strict=True
    )
    for one, other in pairs:
        torch.testing.assert_close(one, other)


def test_value_and_gradient_with_batch_normalisation(painter, critic, x):
    found, attacked = coupling(painter, critic, x)
    clean, norm = x.flatten(1), critic.norm
    mean, variance = clean.mean(0), ((clean - clean.mean(0)) ** 2).mean(0)
    sides = []
    for pixels in (clean, attacked.images.flatten(1)):
        hidden = (pixels - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias
        loc, log_scale = (hidden @ critic.net.weight.T + critic.net.bias).chunk(2, 1)
        sides.append(torch.cat([loc, log_scale.exp()], 1))
    wanted = 1.5 * ((sides[0] - sides[1]) ** 2).sum() * 40 / 6
    assert_same_gradients(found, wanted, critic)


def test_value_and_gradient_of_a_chain(x):
    model, guide = ChainModel().double(), ChainGuide(dropout=0.0).double()
    found, attacked = coupling(model, guide, x)
    first, second = (attacked.clean.nodes[name] for name in ("z1", "z2"))
    noise = (first["value"] - first["fn"].base_dist.loc) / first["fn"].base_dist.scale
    wanted = 0.0
    sides = []
    for pixels in (x, attacked.images):
        loc, scale = guide.heads[0](guide.encoder(pixels)).chunk(2, -1)
        z = loc + (softplus(scale) + 0.1) * noise.detach()
        upper, upper_scale = guide.heads[1](z).chunk(2, -1)
        sides.append((loc, softplus(scale) + 0.1, upper, softplus(upper_scale) + 0.1))
    for one, other in zip(*sides, strict=True):
        wanted = wanted + 1.5 * ((one - other) ** 2).sum() * 1000 / 6
    assert second["fn"].batch_shape == (6,)
    assert_same_gradients(found, wanted, guide)


def test_dropout_does_not_move_the_posteriors(x):
    model = ChainModel().double()
    values = []
    for dropout in (0.0, 0.9):
        guide = ChainGuide(dropout=dropout).double()
        torch.manual_seed(3)
        with evaluation_mode(guide):
            pair = read_pair(None, guide, x)
        values.append(ATTACK(pair, x).images)
    assert model.training
    assert torch.equal(*values)


class Scaled(nn.Module):
    def __init__(self, guide, mask):
        super().__init__()
        self.guide, self.mask = guide, mask

    def forward(self, x):
        mask = self.mask if len(x) == len(self.mask) else True
        with poutine.scale(scale=0.25), poutine.mask(mask=mask):
            return self.guide(x)


def test_scale_and_mask_of_the_guide_count(painter, critic, x):
    critic.eval()
    mask = torch.tensor([True, False, True, True, False, True])
    found, attacked = coupling(painter, Scaled(critic, mask), x)
    loc, log_scale = critic.net(critic.norm(x.flatten(1))).chunk(2, 1)
    moved, moved_log_scale = critic.net(critic.norm(attacked.images.flatten(1))).chunk(2, 1)
    squares = (loc - moved) ** 2 + (log_scale.exp() - moved_log_scale.exp()) ** 2
    torch.testing.assert_close(found, 1.5 * squares[mask].sum() * 0.25 * 40 / 6)


def test_other_families_are_named(painter, laplace_critic, x):
    attack = PosteriorAttack(0.8, objective=ATTACK.objective)
    loss = SmoothEncoder(Trace_ELBO(), 1.0, attack)(painter, laplace_critic)
    with pytest.raises(InputError, match=r"site 'code': .* not for Independent\(Laplace, 1\)"):
        loss(x)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan")])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(InputError, match="expected a finite weight > 0 of the coupling"):
        SmoothEncoder(Trace_ELBO(), weight, ATTACK)
