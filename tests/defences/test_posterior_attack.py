import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import nn

from pyro_seatbelt.attacks import LatentKL, LatentW2, Output
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.defences import PosteriorAttack
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from tests.small_pairs import ChainGuide


def read(guide, x):
    with evaluation_mode(guide):
        return read_pair(None, guide, x)


def distances(pair, attacked, x, images):
    with evaluation_mode(pair.guide), attacked.statistics.applied():
        return LatentW2().bind(pair, x, attacked.draws)(images, torch.arange(len(x)))


def norms(attacked, x):
    return (attacked.images - x).flatten(1).norm(dim=1)


class Line(nn.Module):
    """Means that are linear in the pixels, with one scale."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(16, 3, bias=False).double()
        rows = torch.linalg.qr(self.net.weight.detach().T).Q.T
        self.net.weight.data = torch.diag(torch.tensor([3.0, 1.0, 0.5]).double()) @ rows

    def forward(self, x):
        with pyro.plate("rows", len(x)):
            pyro.sample("z", dist.Normal(self.net(x.flatten(1)), 0.1).to_event(1))


def test_it_finds_the_farthest_point_of_a_linear_guide(x):
    guide = Line()
    attack = PosteriorAttack(0.7, 50, pixels=(-9.0, 9.0))
    pair = read(guide, x)
    attacked = attack(pair, x)
    found = distances(pair, attacked, x, attacked.images)
    assert found.max() < 0.7 * 3 * (1 + 1e-9)
    assert found.min() > 0.7 * 3 * 0.98


@pytest.mark.parametrize("objective", [LatentW2(), LatentKL()])
@pytest.mark.parametrize("layers", [1, 2])
def test_it_stays_in_ball_and_range_and_beats_random_points(layers, objective):
    guide = ChainGuide(layers).double()
    x = torch.rand(6, 1, 4, 4, dtype=torch.float64).round(decimals=1)
    x[0], x[1] = 0.0, 1.0
    pair = read(guide, x)
    attacked = PosteriorAttack(0.5, objective=objective)(pair, x)
    assert norms(attacked, x).max() <= 0.5 * (1 + 1e-9)
    assert attacked.images.min() >= 0
    assert attacked.images.max() <= 1
    assert guide.training
    found = distances(pair, attacked, x, attacked.images)
    for _ in range(5):
        step = torch.randn_like(x).flatten(1)
        random = (x + (0.5 * step / step.norm(dim=1, keepdim=True)).view_as(x)).clamp(0, 1)
        assert (found > distances(pair, attacked, x, random)).all()


def test_more_steps_go_farther(critic, x):
    pair = read(critic, x)
    reached = []
    for steps in (1, 3, 30):
        torch.manual_seed(3)
        attacked = PosteriorAttack(0.5, steps)(pair, x)
        reached.append(distances(pair, attacked, x, attacked.images).sum())
    assert reached == sorted(reached)
    assert reached[0] < reached[2]


def test_the_clean_side_is_at_no_distance(critic, x):
    pair = read(critic, x)
    attacked = PosteriorAttack(0.5)(pair, x)
    assert torch.equal(distances(pair, attacked, x, x), torch.zeros(6, dtype=torch.float64))


def test_torchs_generator_decides_it(critic, x):
    pair = read(critic, x)
    attacks = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        attacks.append(PosteriorAttack(0.5)(pair, x).images)
    assert torch.equal(attacks[0], attacks[1])
    assert not torch.equal(attacks[0], attacks[2])


def test_running_averages_do_not_decide_it(critic, x):
    attacks = []
    pair = read(critic, x)
    for mean in (0.0, 5.0):
        critic.norm.running_mean.fill_(mean)
        torch.manual_seed(3)
        attacks.append(PosteriorAttack(0.5)(pair, x).images)
    assert torch.equal(*attacks)


def test_pixels_out_of_range_are_refused(critic, x):
    with pytest.raises(InputError, match=r"expected pixels in \[0, 1\], got some from .* to 2"):
        PosteriorAttack(0.5)(read(critic, x), x.round() * 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"radius": 0.0}, "expected a finite radius > 0, got 0"),
        ({"radius": 1.0, "steps": 0}, "expected steps >= 1, got 0"),
        ({"radius": 1.0, "objective": Output()}, "expected a distance of posteriors, got Output"),
    ],
)
def test_settings_that_make_no_attack_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        PosteriorAttack(**settings)
