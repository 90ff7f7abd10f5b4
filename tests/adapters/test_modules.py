import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from torch import nn

from pyro_seatbelt import TraceTC_ELBO, from_modules
from pyro_seatbelt.attacks import Attack, LatentKL, LatentL2, LatentW2, Output
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation import prior_images, reconstruct, weighted_draws
from pyro_seatbelt.models import Likelihood

SPREADS = {
    "scale": lambda scale: scale,
    "log_scale": torch.log,
    "log_variance": lambda scale: 2 * scale.log(),
}


def plain(x):
    return x.flatten(1)[:, :3]


def write(encoder, decoder):
    """The same pair, written out as Pyro programs."""

    def guide(x):
        with pyro.plate("data", 100, subsample=x):
            loc, log_scale = encoder(x.flatten(1)).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))

    def model(x):
        with pyro.plate("data", 100, subsample=x):
            z = pyro.sample("z", dist.Normal(x.new_zeros(3), 1.0).to_event(1))
            mean = decoder(z).sigmoid().view(*z.shape[:-1], *x.shape[1:])
            pyro.sample("x", dist.Normal(mean, 0.2).to_event(3), obs=x)

    model.parameters_of, guide.parameters_of = decoder, encoder
    return model, guide


@pytest.fixture
def nets(pairs):
    return pairs.linear(6, pairs.PIXELS, 1, 2.0).double(), pairs.linear(
        pairs.PIXELS, 3, 2, 2.0
    ).double()


@pytest.fixture
def made(nets):
    encoder, decoder = nets
    return from_modules(
        lambda x: encoder(x.flatten(1)).chunk(2, -1),
        lambda z: decoder(z).sigmoid(),
        spread="log_scale",
        likelihood=0.2,
        num_data=100,
    )


@pytest.mark.parametrize(
    "elbo",
    [
        Trace_ELBO(),
        Trace_ELBO(num_particles=3, vectorize_particles=True, max_plate_nesting=1),
        TraceTC_ELBO("z", beta=4.0),
    ],
)
def test_it_is_the_pair_that_one_would_write(made, nets, pairs, elbo, value_and_gradient):
    x = pairs.images(5, 1).double()
    value, gradient = value_and_gradient(elbo, *made, x)
    expected, other = value_and_gradient(elbo, *write(*nets), x)
    assert value == pytest.approx(expected, rel=1e-12)
    torch.testing.assert_close(gradient, other)
    assert {id(p) for p in elbo(*made).parameters()} == {
        id(p) for net in nets for p in net.parameters()
    }


@pytest.mark.parametrize("objective", [LatentKL(), LatentW2(), LatentL2(), Output()])
def test_it_is_attacked_like_the_pair_that_one_would_write(made, nets, pairs, objective):
    x, target = pairs.images(3, 1).double(), pairs.images(3, 2).double()
    attack = Attack(objective, weights=[0.0, 0.1])
    ours, theirs = attack(*made, x, target), attack(*write(*nets), x, target)
    torch.testing.assert_close(ours.adversarial, theirs.adversarial)
    torch.testing.assert_close(ours.covered, theirs.covered)


@pytest.mark.parametrize("spread", SPREADS)
def test_the_spread_is_what_one_says(spread):
    scale = torch.tensor([[0.5, 2.0, 3.0]])
    _, guide = from_modules(
        lambda x: (plain(x), SPREADS[spread](scale).expand(len(x), 3)), plain, spread=spread
    )
    torch.testing.assert_close(guide.posterior(torch.rand(2, 4)).stddev, scale.expand(2, 3))


@pytest.mark.parametrize(
    "encode",
    [
        lambda x: torch.distributions.Normal(plain(x), 0.5),
        lambda x: torch.distributions.Independent(torch.distributions.Normal(plain(x), 0.5), 1),
        lambda x: dist.Normal(plain(x), 0.5).to_event(1),
        lambda x: torch.distributions.MultivariateNormal(plain(x), 0.25 * torch.eye(3)),
        lambda x: (plain(x), torch.full_like(plain(x), 0.5)),
    ],
)
def test_an_encoder_may_return_any_distribution(encode, pairs):
    decoder = pairs.linear(pairs.PIXELS, 3, 2)
    model, guide = from_modules(encode, decoder, spread="scale")
    x = pairs.images(4, 1)
    posterior = guide.posterior(x)
    assert (posterior.batch_shape, posterior.event_shape) == ((4,), (3,))
    pyro.set_rng_seed(1)
    one = Trace_ELBO().loss(model, guide, x)
    _, other = from_modules(lambda x: (plain(x), torch.tensor(0.5)), decoder, spread="scale")
    pyro.set_rng_seed(1)
    assert one == pytest.approx(Trace_ELBO().loss(model, other, x), rel=1e-5)


def test_latents_may_be_maps_and_images_of_any_size(pairs):
    conv, up = nn.Conv2d(3, 4, 2, 2), nn.ConvTranspose2d(2, 3, 2, 2)
    model, guide = from_modules(lambda x: conv(x).chunk(2, 1), up, spread="log_variance")
    for size in (4, 8):
        x, target = torch.rand(2, 2, 3, size, size)
        assert guide(x).shape == (2, 2, size // 2, size // 2)
        assert reconstruct(model, guide, x).shape == x.shape
        attack = Attack(LatentKL(), weights=[0.0])
        assert bool(attack(model, guide, x, target).success(distance=1e-2).all())


@pytest.mark.parametrize(
    ("decode", "likelihood"),
    [
        (lambda z: torch.distributions.Bernoulli(logits=z.repeat(1, 2)), 0.1),
        (lambda z: z.repeat(1, 2), Likelihood("bernoulli")),
        (lambda z: z.repeat(1, 2), lambda logits: dist.Bernoulli(logits=logits)),
    ],
)
def test_a_decoder_may_return_a_distribution_or_be_given_one(decode, likelihood):
    x = torch.rand(4, 1, 2, 3).round()
    model, guide = from_modules(
        lambda x: (plain(x), torch.tensor(1.0)), decode, spread="scale", likelihood=likelihood
    )
    draws = weighted_draws(model, guide, x, 1)
    logits = draws.latents["z"][0].repeat(1, 2)
    expected = dist.Bernoulli(logits=logits).log_prob(x.flatten(1)).sum(1)
    torch.testing.assert_close(draws.log_likelihood[0], expected)


def test_images_are_drawn_where_the_shape_of_latents_is_known(pairs):
    decoder = pairs.linear(pairs.PIXELS, 3, 2)
    model, _ = from_modules(plain, decoder, latent_shape=[3])
    assert prior_images(model, 5).shape == (5, pairs.PIXELS)
    model, _ = from_modules(plain, decoder)
    with pytest.raises(InputError, match="give latent_shape= to from_modules"):
        model()


def test_modules_are_found_in_functions_and_put_into_eval_mode(pairs):
    encoder = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(pairs.PIXELS), nn.Dropout(0.5))
    model, guide = from_modules(
        lambda x: (encoder(x)[:, :3], torch.tensor(1.0)),
        nn.Linear(3, pairs.PIXELS),
        spread="scale",
    )
    x, target = pairs.images(2, 1), pairs.images(2, 2)
    attack = Attack(LatentL2(), weights=[0.1])
    one, other = (attack(model, guide, x, target) for _ in range(2))
    assert torch.equal(one.adversarial, other.adversarial)
    assert encoder.training
    guide.double()
    assert encoder[1].weight.dtype == torch.float64


@pytest.mark.parametrize(
    ("encode", "decode", "settings", "message"),
    [
        (plain, plain, {}, "expected a mean and a spread, or a torch.distributions.*got Tensor"),
        (lambda x: (x, x, x), plain, {}, "from the encoder, got 3 things: wrap it"),
        (lambda x: (x, x), plain, {}, "say what the second is with spread='scale' or 'log_scale'"),
        (
            lambda x: (x[0], torch.tensor(1.0)),
            plain,
            {"spread": "scale"},
            r"expected posteriors of shape \(2, \*\) from the encoder of 2 images, got \(6,\)",
        ),
        (
            lambda x: (plain(x), torch.tensor(1.0)),
            lambda z: torch.distributions.Normal(z, 1.0),
            {"spread": "scale"},
            r"expected images of shape \(6,\) from the decoder, got \(3,\)",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(encode, decode, settings, message):
    model, guide = from_modules(encode, decode, **settings)
    with pytest.raises(InputError, match=message):
        reconstruct(model, guide, torch.rand(2, 6))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"spread": "variance"}, "spread 'scale' or 'log_scale' or 'log_variance', got 'variance'"),
        ({"likelihood": 0}, "expected a likelihood scale > 0, got 0"),
    ],
)
def test_settings_that_mean_nothing(settings, message):
    with pytest.raises(InputError, match=message):
        from_modules(plain, plain, **settings)
