"""The bound of programs that are not ours: handlers, plates, families and names of other people."""

import math

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from pyro.infer.autoguide import AutoNormal
from pyro.nn import PyroModule
from torch import nn

from pyro_seatbelt import presets
from pyro_seatbelt.objectives import TraceTC_ELBO

SHAPE = (1, 8, 8)
NUM_DATA = 60
GUIDES = ["bottom-up", "bottom-up-x", "top-down"]


def pair(**options):
    torch.manual_seed(0)
    family = presets.build(
        "seatbelt",
        beta=1.0,
        latent_dim=3,
        hidden=16,
        network="mlp",
        features=24,
        image_shape=SHAPE,
        num_data=NUM_DATA,
        **options,
    )
    return family.model.double(), family.guide.double()


def images(count=12, dtype=torch.float64):
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=dtype)


class Wrapped:
    """A program inside a handler, with the parameters still in reach."""

    def __init__(self, handler, module):
        self.program, self.parameters_of = handler(module), module

    def __call__(self, *args, **kwargs):
        return self.program(*args, **kwargs)


MASK = torch.tensor([True] * 7 + [False] * 5)
HANDLERS = {
    "plain": (lambda f: f, lambda f: f),
    "scaled model": (lambda f: poutine.scale(f, 0.3), lambda f: f),
    "scaled both": (lambda f: poutine.scale(f, 0.3), lambda f: poutine.scale(f, 0.3)),
    "masked both": (lambda f: poutine.mask(f, MASK), lambda f: poutine.mask(f, MASK)),
    "masked model": (lambda f: poutine.mask(f, MASK), lambda f: f),
    "masked guide": (lambda f: f, lambda f: poutine.mask(f, MASK)),
    "all masked": (lambda f: poutine.mask(f, torch.zeros(12).bool()),) * 2,
}
PARTICLES = {
    "1": {},
    "3": {"num_particles": 3},
    "3 vectorised": {"num_particles": 3, "vectorize_particles": True, "max_plate_nesting": 1},
}


@pytest.mark.parametrize("estimator", ["mws", "mss"])
@pytest.mark.parametrize("particles", PARTICLES)
@pytest.mark.parametrize("handlers", HANDLERS)
def test_telescopes_under_handlers(handlers, particles, estimator, assert_same_bound):
    programs = pair(layers=2)
    model, guide = (Wrapped(h, m) for h, m in zip(HANDLERS[handlers], programs, strict=True))
    options = PARTICLES[particles]
    ours = TraceTC_ELBO("z2", estimator=estimator, **options)
    if handlers == "all masked":
        assert ours.loss(model, guide, images()) == 0
        return
    assert_same_bound((ours, model, guide), (Trace_ELBO(**options), model, guide), images())


@pytest.mark.parametrize("handlers", ["scaled model", "masked both"])
@pytest.mark.parametrize("guide", GUIDES)
@pytest.mark.parametrize("layers", [1, 4])
def test_telescopes_under_handlers_at_every_depth_with_every_guide(
    layers, guide, handlers, assert_same_bound
):
    programs = pair(layers=layers, guide=guide)
    model, guide = (Wrapped(h, m) for h, m in zip(HANDLERS[handlers], programs, strict=True))
    ours = TraceTC_ELBO(f"z{layers}")
    assert_same_bound((ours, model, guide), (Trace_ELBO(), model, guide), images())


class ForeignGuide(PyroModule):
    """Somebody else's guide: another plate name, another family."""

    def __init__(self, posterior=dist.Normal, plate="images"):
        super().__init__()
        self.net, self.posterior, self.plate = nn.Linear(64, 8), posterior, plate

    def forward(self, x):
        with pyro.plate(self.plate, NUM_DATA, subsample=x):
            loc, raw = self.net(x.flatten(1)).chunk(2, -1)
            pyro.sample("code", self.posterior(loc, raw.exp()).to_event(1))


class ForeignModel(PyroModule):
    def __init__(self, plate="images"):
        super().__init__()
        self.net, self.plate = nn.Linear(4, 64), plate

    def forward(self, x):
        with pyro.plate(self.plate, NUM_DATA, subsample=x):
            z = pyro.sample("code", dist.Normal(x.new_zeros(4), 1.0).to_event(1))
            mean = self.net(z).unflatten(-1, SHAPE)
            pyro.sample("pixels", dist.Normal(mean, 0.3).to_event(3), obs=x)


def foreign(**options):
    with pyro.settings.context(module_local_params=True):
        return ForeignModel().double(), ForeignGuide(**options).double()


@pytest.mark.parametrize("posterior", [dist.Normal, dist.Laplace])
def test_any_factorised_family_in_any_plate(posterior, assert_same_bound):
    model, guide = foreign(posterior=posterior)
    ours = TraceTC_ELBO("code", plate="images")
    assert_same_bound((ours, model, guide), (Trace_ELBO(), model, guide), images())
    weighted = TraceTC_ELBO("code", plate="images", beta=5.0, free_bits=0.1)
    assert math.isfinite(weighted.loss(model, guide, images()))


def test_a_plate_inside_the_data_plate():
    """A sequence of codes per image: every time step has an aggregate of its own."""
    x = torch.randn(6, 5, 3, dtype=torch.float64)
    scale = torch.ones(3, dtype=torch.float64)
    loc = torch.zeros(3, dtype=torch.float64, requires_grad=True)

    def model():
        with pyro.plate("time", 5, dim=-1), pyro.plate("data", 50, subsample=x, dim=-2):
            z = pyro.sample("z", dist.Normal(0 * loc, 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    def guide():
        with pyro.plate("time", 5, dim=-1), pyro.plate("data", 50, subsample=x, dim=-2):
            pyro.sample("z", dist.Normal(x + loc, 0.5 * scale).to_event(1))

    pyro.set_rng_seed(0)
    ours = TraceTC_ELBO("z").loss(model, guide)
    pyro.set_rng_seed(0)
    assert ours == pytest.approx(Trace_ELBO().loss(model, guide), rel=1e-9)
    pyro.set_rng_seed(0)
    value = TraceTC_ELBO("z", beta=4.0).loss(model, guide)
    steps = 0.0
    pyro.set_rng_seed(0)
    elbo = TraceTC_ELBO("z")
    traces = next(iter(elbo._get_traces(model, guide, (), {})))
    z, fn = traces[1].nodes["z"]["value"], traces[1].nodes["z"]["fn"].base_dist
    for t in range(5):
        log_q = dist.Normal(fn.loc[:, t], fn.scale[:, t]).log_prob(z[:, t][:, None])
        joint = log_q.sum(-1).logsumexp(1) - math.log(50 * 6)
        steps += (joint - (log_q.logsumexp(1) - math.log(50 * 6)).sum(-1)).sum() * 50 / 6
    assert value == pytest.approx(ours + 3 * steps.item(), rel=1e-9)


def test_a_mask_that_differs_between_particles_or_steps():
    x = torch.randn(6, 5, 3, dtype=torch.float64)
    mask = torch.rand(6, 5, generator=torch.Generator().manual_seed(0)) > 0.4

    def program(sample_x):
        time, data = pyro.plate("time", 5, dim=-1), pyro.plate("data", 50, subsample=x, dim=-2)
        with time, data, poutine.mask(mask=mask):
            q = dist.Normal(x, 0.5) if not sample_x else dist.Normal(torch.zeros(3), 1.0)
            z = pyro.sample("z", q.to_event(1))
            if sample_x:
                pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    losses = []
    for elbo in (TraceTC_ELBO("z", estimator="mss"), Trace_ELBO()):
        pyro.set_rng_seed(0)
        losses.append(elbo.loss(lambda: program(True), lambda: program(False)))
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def normal(x):
    return dist.Normal(x.flatten(1)[:, :4], 1.0)


@pytest.mark.parametrize(
    ("options", "guide_fn", "error", "message"),
    [
        (
            {"latent": "z9"},
            lambda x: normal(x).to_event(1),
            ValueError,
            "site 'z9' is not a latent",
        ),
        (
            {"plate": "data"},
            lambda x: normal(x).to_event(1),
            ValueError,
            "not inside a vectorised plate 'data' \\(its plates: 'images'\\)",
        ),
        (
            {},
            lambda x: normal(x).mask(torch.ones(len(x), 4).bool()).to_event(1),
            NotImplementedError,
            "site 'code' cannot be decomposed.*got Independent.MaskedDistribution",
        ),
        (
            {},
            lambda x: dist.Delta(x.flatten(1)[:, :4]).to_event(1),
            NotImplementedError,
            "autoguides put a Delta there: write the guide",
        ),
        (
            {},
            lambda x: dist.Poisson(x.flatten(1)[:, :4]).to_event(1),
            NotImplementedError,
            "guide site 'code': Independent\\(Poisson, 1\\) has no rsample",
        ),
    ],
)
def test_messages_of_a_running_objective(options, guide_fn, error, message):
    def guide(x):
        with pyro.plate("images", NUM_DATA, subsample=x):
            pyro.sample("code", guide_fn(x))

    def model(x):
        with pyro.plate("images", NUM_DATA, subsample=x):
            z = pyro.sample("code", dist.Normal(torch.zeros(4), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x.flatten(1)[:, :4])

    elbo = TraceTC_ELBO(**{"latent": "code", "plate": "images", **options})
    with pytest.raises(error, match=message):
        elbo.loss(model, guide, images(dtype=torch.float32))


def test_a_discrete_site_of_the_guide_alone_counts_as_in_trace_elbo():
    x = torch.randn(6, 2)

    def model():
        with pyro.plate("data", 6, subsample=x):
            z = pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    def guide():
        with pyro.plate("data", 6, subsample=x):
            coin = pyro.sample(
                "coin", dist.Bernoulli(torch.full((6,), 0.5)), infer={"is_auxiliary": True}
            )
            pyro.sample("z", dist.Normal(x + coin[:, None], 1.0).to_event(1))

    losses = []
    for elbo in (TraceTC_ELBO("z"), Trace_ELBO()):
        pyro.set_rng_seed(0)
        losses.append(elbo.loss(model, guide))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_an_autoguide_is_refused():
    x = torch.randn(6, 2)

    def model():
        with pyro.plate("data", 6, subsample=x):
            z = pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    with pytest.raises(NotImplementedError, match="autoguides put a Delta there"):
        TraceTC_ELBO("z").loss(model, AutoNormal(model))


@pytest.mark.parametrize("sizes", [(60, 50), (12, 60)])
def test_two_sizes_of_the_data_set_are_refused(sizes):
    model, guide = pair(layers=2)
    model.num_data, guide.num_data = sizes
    message = (
        f"plate 'data': the guide's stands for {sizes[1]} images and the model's for {sizes[0]}"
    )
    with pytest.raises(ValueError, match=message):
        TraceTC_ELBO("z2").loss(model, guide, images())
