import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from scipy import stats

from pyro_seatbelt.traces.frozen_noise import FrozenNoise, frozen_noise


def positive(*shape):
    return 0.5 + torch.rand(*shape, generator=torch.Generator().manual_seed(8))


SHAPE = (3, 4)
FAMILIES = {
    "normal": dist.Normal(positive(*SHAPE), positive(*SHAPE)).to_event(1),
    "laplace": dist.Laplace(positive(*SHAPE), positive(*SHAPE)).to_event(1),
    "log-normal": dist.LogNormal(positive(*SHAPE), positive(*SHAPE)).to_event(1),
    "gamma": dist.Gamma(positive(*SHAPE), positive(*SHAPE)).to_event(1),
    "beta": dist.Beta(positive(*SHAPE), positive(*SHAPE)).to_event(1),
    "student": dist.StudentT(4 * positive(*SHAPE), positive(*SHAPE)).to_event(1),
    "multivariate": dist.MultivariateNormal(positive(*SHAPE), torch.eye(4)),
    "low-rank": dist.LowRankMultivariateNormal(positive(*SHAPE), positive(3, 4, 2), positive(3, 4)),
    "relaxed": dist.RelaxedOneHotCategorical(torch.tensor(0.7), logits=positive(*SHAPE)),
    "gumbel": dist.Gumbel(positive(*SHAPE), positive(*SHAPE)).to_event(1),
    "uniform": dist.Uniform(torch.zeros(SHAPE), positive(*SHAPE)).to_event(1),
    "categorical": dist.Categorical(logits=positive(*SHAPE)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_noise_belongs_to_the_row_and_repeats_to_the_last_bit(family):
    fn = FAMILIES[family]
    noise = FrozenNoise(range(10), seed=3)
    before = torch.get_rng_state()
    one = noise.draw("z", fn, axis=0, rows=[7, 2, 5])
    assert torch.equal(one, noise.draw("z", fn, axis=0, rows=torch.tensor([7, 2, 5])))
    assert torch.equal(one, FrozenNoise(range(10), seed=3).draw("z", fn, axis=0, rows=[7, 2, 5]))
    assert torch.equal(before, torch.get_rng_state())
    # row 2 of the noise, with the parameters of row 1, next to other rows
    other = noise.draw("z", fn, axis=0, rows=[0, 2, 9])
    assert torch.equal(one[1], other[1])
    if family != "categorical":
        assert not torch.equal(one[0], other[0])
        assert not torch.equal(one, noise.draw("y", fn, axis=0, rows=[7, 2, 5]))
        assert not torch.equal(
            one, FrozenNoise(range(10), seed=4).draw("z", fn, axis=0, rows=[7, 2, 5])
        )


@pytest.mark.parametrize(
    ("fn", "reference"),
    [
        (dist.Normal(2.0, 3.0), stats.norm(2, 3)),
        (dist.Laplace(2.0, 3.0), stats.laplace(2, 3)),
        (dist.Cauchy(2.0, 3.0), stats.cauchy(2, 3)),
        (dist.Gamma(2.0, 0.5), stats.gamma(2, scale=2)),
        (dist.Gumbel(1.0, 2.0), stats.gumbel_r(1, 2)),
    ],
)
def test_rows_are_independent_draws_from_the_distribution(fn, reference):
    num = 2000
    noise = FrozenNoise(range(num))
    draws = noise.draw("z", fn.expand([num]), axis=0, rows=range(num))
    assert stats.kstest(draws.numpy(), reference.cdf).pvalue > 1e-3


def test_gradients_flow_through_the_draw():
    loc = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    scale = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    noise = FrozenNoise(range(2))

    def draw(loc, scale):
        return noise.draw("z", dist.Normal(loc, scale).to_event(1), axis=0, rows=[0, 1])

    assert torch.autograd.gradcheck(draw, (loc, scale))
    alpha = torch.full((2, 3), 2.0, requires_grad=True)
    gamma = noise.draw("g", dist.Gamma(alpha, 1.0).to_event(1), axis=0, rows=[0, 1])
    assert bool((torch.autograd.grad(gamma.sum(), alpha)[0] > 0).all())


def test_float32_and_float64_share_their_noise():
    noise = FrozenNoise(range(2))
    single, double = (
        noise.draw("z", dist.Normal(torch.zeros(2, 3, dtype=t), 1.0), axis=0, rows=[0, 1])
        for t in (torch.float32, torch.float64)
    )
    assert torch.equal(single, double.float())


def test_equal_keys_share_their_noise():
    noise = FrozenNoise([4, 4, 5])
    draw = noise.draw("z", dist.Normal(torch.zeros(3), 1.0), axis=0, rows=[0, 1, 2])
    assert draw[0] == draw[1] != draw[2]


def test_the_row_dimension_follows_the_plate():
    def program(num):
        with pyro.plate("parts", 2, dim=-1), pyro.plate("data", num, dim=-2):
            return pyro.sample("z", dist.Normal(torch.zeros(3), 1.0).to_event(1))

    noise = FrozenNoise(range(9))
    one = frozen_noise(program, noise, [3, 4, 5])(3)
    two = frozen_noise(program, noise, [5, 8])(2)
    assert one.shape == (3, 2, 3)
    assert torch.equal(one[2], two[0])


def test_a_site_outside_the_plate_has_one_draw_for_all():
    def program(num):
        w = pyro.sample("w", dist.Normal(torch.zeros(3), 1.0).to_event(1))
        g = pyro.sample("g", dist.Gamma(2.0, 1.0))
        with pyro.plate("data", num):
            pyro.sample("z", dist.Normal(w.sum(), g))
        return w, g

    noise = FrozenNoise(range(4))
    one, two = (frozen_noise(program, noise, rows)(len(rows)) for rows in ([0, 1], [3, 2, 1]))
    assert torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])


def test_observed_and_replayed_sites_keep_their_values():
    def program():
        with pyro.plate("data", 2):
            pyro.sample("x", dist.Normal(0.0, 1.0), obs=torch.ones(2))
            return pyro.sample("z", dist.Normal(0.0, 1.0))

    conditioned = poutine.condition(program, data={"z": torch.tensor([5.0, 6.0])})
    trace = poutine.trace(frozen_noise(conditioned, FrozenNoise([0, 1]), [0, 1])).get_trace()
    assert trace.nodes["z"]["value"].tolist() == [5, 6]
    assert trace.nodes["x"]["value"].tolist() == [1, 1]


def test_noise_that_cannot_be_split_into_rows_is_named():
    class Shared(dist.TorchDistribution):
        has_rsample = True

        def rsample(self, sample_shape=()):
            return torch.zeros(3) + torch.randn(())

    fn = Shared(torch.Size([3]), validate_args=False)
    with pytest.raises(NotImplementedError, match=r"site 'z'.*without a dimension for the rows"):
        FrozenNoise(range(3)).draw("z", fn, axis=0, rows=[0, 1, 2])
