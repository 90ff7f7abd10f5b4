import pytest
import torch

from pyro_seatbelt.attacks import LBFGSB, PGD, Attack, Ball, LatentKL, Output
from pyro_seatbelt.attacks.fresh_distance import FreshDistance
from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.errors import InputError


@pytest.fixture
def chain(pairs):
    model, guide = pairs.ChainModel().double().eval(), pairs.ChainGuide().double().eval()
    return model, guide, pairs.images(3, 1).double(), pairs.images(3, 2).double()


@pytest.mark.parametrize("objective", [LatentKL(), Output()], ids=lambda o: o.name)
def test_every_evaluation_has_draws_of_its_own_and_their_mean_is_the_expectation(chain, objective):
    model, guide, x, target = chain
    pair, rows = read_pair(model, guide, x), torch.arange(3)
    fresh = FreshDistance(objective, pair, target, range(3), samples=4, seed=0)
    some = torch.stack([fresh(x, rows) for _ in range(500)])
    assert len({tuple(row.tolist()) for row in some}) == 500
    many = objective.bind(pair, target, LatentDraws.frozen(range(3), 4000, seed=7))(x, rows)
    error = some.std(0) * (500**-0.5 + 1000**-0.5)
    assert bool(((some.mean(0) - many).abs() < 5 * error).all())
    again = FreshDistance(objective, pair, target, range(3), samples=4, seed=0)
    assert torch.equal(again(x, rows), some[0])
    alone = FreshDistance(objective, pair, target, range(3), samples=4, seed=0)
    torch.testing.assert_close(alone(x[1:2], rows[1:2])[0], some[0, 1])


def test_an_attack_with_fresh_draws_is_repeatable_and_judged_by_draws_it_has_not_seen(chain):
    attack, frozen = (
        Attack(LatentKL(), PGD(steps=20), [0.0], ball=Ball("l2", 0.4), noise=noise, samples=3)
        for noise in ("fresh", "frozen")
    )
    one, other, fixed = attack(*chain), attack(*chain), frozen(*chain)
    assert one.columns() == other.columns()
    assert torch.equal(one.value_at_input, fixed.value_at_input)
    assert not torch.equal(one.value, fixed.value)
    assert bool((one.value < one.value_at_input).all())
    assert not bool(one.failed.any())


def test_a_line_search_on_fresh_noise_is_refused():
    with pytest.raises(InputError, match="LBFGSB searches along lines, which fresh noise bends"):
        Attack(LatentKL(), LBFGSB(), noise="fresh")
