"""Programs of other people that the bound takes: at weights 1 it is Pyro's own, to the last digits.

The table is printed by ``pytest tests/composition -v -k programs``; what fails is in
`test_programs_that_fail.py`.
"""

from functools import partial
from types import SimpleNamespace

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.distributions import transforms
from pyro.infer import Trace_ELBO, TraceEnum_ELBO
from torch import nn

from pyro_seatbelt.objectives import TraceEnumTC_ELBO, TraceTC_ELBO, Weights

NUM_DATA, BATCH, D = 20, 6, 2
X = torch.randn(BATCH, 3, generator=torch.Generator().manual_seed(0)).double()
Y = torch.eye(3).double()[[0, 1, 2, 0, 1, 2]]
HALF = torch.tensor([True, True, True, False, True, False])
ZERO = torch.zeros(D).double()


@pytest.fixture(autouse=True)
def _double():
    """Pyro's inverse of an autoregressive flow begins with zeros of the default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Program(nn.Module):
    """A function with layers to its name: `self.loc`, `self.raw`, ... are there when it asks."""

    def __init__(self, program, handler=lambda f: f):
        super().__init__()
        torch.manual_seed(0)
        self.loc, self.raw, self.logits = (nn.Linear(3, size).double() for size in (D, D, 3))
        self.up, self.decoder = nn.Linear(D, D).double(), nn.Linear(D, 3).double()
        self.flow = transforms.affine_autoregressive(D, hidden_dims=[4]).double()
        self.run = handler(partial(program, self))

    def forward(self, *args, **kwargs):
        return self.run(*args, **kwargs)


def normal(self, x):
    return dist.Normal(self.loc(x), 0.5 + self.raw(x).sigmoid())


def guide(self, x, q=lambda self, x: normal(self, x).to_event(1), plate="data", name="z"):
    with pyro.plate(plate, NUM_DATA, subsample=x):
        return pyro.sample(name, q(self, x))


def observe(self, z, x, name="x"):
    pyro.sample(name, dist.Normal(self.decoder(z), 0.5).to_event(1), obs=x)


def model(self, x, p=None, plate="data", name="z"):
    with pyro.plate(plate, NUM_DATA, subsample=x):
        prior = dist.Normal(ZERO, 1.0).to_event(1) if p is None else p
        observe(self, pyro.sample(name, prior), x)


def of(q, p=None, **options):
    """A pair whose posterior is of some family."""
    return SimpleNamespace(
        model=partial(model, p=p), guide=partial(guide, q=q), **{"latent": "z", **options}
    )


def pair(model=model, guide=guide, latent="z", **options):
    return SimpleNamespace(model=model, guide=guide, latent=latent, **options)


def positive(self, x):
    return self.raw(x).exp() + 0.1


def low_rank(self, x):
    factor = torch.stack([self.raw(x), self.loc(x)], -1)
    return dist.LowRankMultivariateNormal(self.loc(x), factor, positive(self, x))


def dense(self, x):
    tril = torch.eye(D).double() + self.raw(x)[..., None].sigmoid().tril(-1)
    return dist.MultivariateNormal(self.loc(x), scale_tril=tril)


def autoregressive(self, x):
    return dist.TransformedDistribution(normal(self, x).to_event(1), [self.flow])


def squashed(self, x):
    bend = transforms.ComposeTransform([transforms.TanhTransform()])
    return dist.TransformedDistribution(normal(self, x), [bend]).to_event(1)


UP = {
    "model": lambda self, x: chain_model(self, x, 2),
    "guide": lambda self, x: chain_guide(self, x, 2),
}


def chain_guide(self, x, layers):
    with pyro.plate("data", NUM_DATA, subsample=x):
        z = pyro.sample("z1", normal(self, x).to_event(1))
        for i in range(2, layers + 1):
            z = pyro.sample(f"z{i}", dist.Normal(self.up(z), 0.6).to_event(1))


def chain_model(self, x, layers):
    with pyro.plate("data", NUM_DATA, subsample=x):
        z = pyro.sample(f"z{layers}", dist.Normal(ZERO, 1.0).to_event(1))
        for i in range(layers - 1, 0, -1):
            z = pyro.sample(f"z{i}", dist.Normal(self.up(z), 0.8).to_event(1))
        observe(self, z, x)


def top_down(self, x):
    with pyro.plate("data", NUM_DATA, subsample=x):
        z = pyro.sample("z2", normal(self, x).to_event(1))
        pyro.sample("z1", dist.Normal(self.up(z) + self.loc(x), 0.6).to_event(1))


def in_steps(self, x, latent, time="time", data="data"):
    with pyro.plate(time, 2, dim=-1), pyro.plate(data, NUM_DATA, subsample=x, dim=-2):
        if latent:
            q = normal(self, x[:, None].expand(-1, 2, -1))
            return pyro.sample("z", q.to_event(1))
        z = pyro.sample("z", dist.Normal(ZERO, 1.0).to_event(1))
        return observe(self, z, x[:, None].expand(-1, 2, -1))


def of_steps(**names):
    return pair(partial(in_steps, latent=False, **names), partial(in_steps, latent=True, **names))


def two_images(self, x):
    with pyro.plate("data", NUM_DATA, subsample=x):
        z = pyro.sample("z", dist.Normal(ZERO, 1.0).to_event(1))
        observe(self, z, x, "left")
        observe(self, -z, x.flip(1), "right")


def global_latent(self, x, of_guide):
    scale = pyro.sample(
        "w", dist.Gamma(2.0 + 0 * X[0, 0], 1.0) if of_guide else dist.Gamma(1.0, 1.0)
    )
    if of_guide:
        guide(self, x)
    else:
        with pyro.plate("data", NUM_DATA, subsample=x):
            observe(self, scale * pyro.sample("z", dist.Normal(ZERO, 1.0).to_event(1)), x)


def label(self, x, of_guide, infer=None, follow=True):
    """A label in the guide and in the prior of z."""
    with pyro.plate("data", NUM_DATA, subsample=x):
        logits = self.logits(x) if of_guide else self.logits.bias
        y = pyro.sample("y", dist.Categorical(logits=logits), infer=infer if of_guide else {})
        if of_guide:
            shift = 0.1 * y[..., None] if follow else 0.0
            q = dist.Normal(self.loc(x) + shift, 0.5 + self.raw(x).sigmoid())
            pyro.sample("z", q.to_event(1))
        else:
            observe(self, pyro.sample("z", dist.Normal(y[..., None] + ZERO, 1.0).to_event(1)), x)


def labelled(infer=None, **options):
    return pair(
        partial(label, of_guide=False), partial(label, of_guide=True, infer=infer), **options
    )


def mixture_model(self, x, infer):
    with pyro.plate("data", NUM_DATA, subsample=x):
        y = pyro.sample("c", dist.Categorical(logits=self.logits.bias), infer=infer)
        observe(self, pyro.sample("z", dist.Normal(y[..., None] + ZERO, 1.0).to_event(1)), x)


def summed_mixture(self, x):
    """The same mixture with the component summed out by its distribution."""
    centres = torch.arange(3).double()[:, None].expand(3, D)
    p = dist.MixtureSameFamily(
        dist.Categorical(logits=self.logits.bias), dist.Normal(centres, 1.0).to_event(1)
    )
    model(self, x, p=p)


def auxiliary(self, x):
    with pyro.plate("data", NUM_DATA, subsample=x):
        coin = pyro.sample("coin", dist.Normal(ZERO[0], 1.0), infer={"is_auxiliary": True})
        pyro.sample("z", dist.Normal(self.loc(x) + coin[..., None], 1.0).to_event(1))


def conditional(self, x, y, of_guide):
    with pyro.plate("data", NUM_DATA, subsample=x):
        if of_guide:
            return pyro.sample("z", normal(self, x + y).to_event(1))
        z = pyro.sample("z", dist.Normal(ZERO, 1.0).to_event(1))
        return pyro.sample("x", dist.Normal(self.decoder(z) + y, 0.5).to_event(1), obs=x)


def semi_supervised(self, x, y):
    with pyro.plate("data", NUM_DATA, subsample=x):
        pyro.sample("y", dist.OneHotCategorical(logits=self.logits(x)), obs=y)
        z = pyro.sample("z", dist.Normal(ZERO, 1.0).to_event(1))
        observe(self, z, x + y)


def with_factor(self, x):
    with pyro.plate("data", NUM_DATA, subsample=x):
        z = pyro.sample("z", dist.Normal(ZERO, 1.0).to_event(1))
        pyro.deterministic("image", self.decoder(z), event_dim=1)
        pyro.factor("pull", -z.square().sum(-1))
        observe(self, z, x)


def learned_prior(self, x):
    loc = pyro.param("prior_loc", lambda: torch.ones(D).double())
    model(self, x, p=dist.Normal(loc + self.up.bias, 1.0).to_event(1))


def parts(self, x, of_guide):
    """A sequential plate of sites beside the one that is decomposed."""
    with pyro.plate("data", NUM_DATA, subsample=x):
        z = (
            guide_site(self, x)
            if of_guide
            else pyro.sample("z", dist.Normal(ZERO, 1.0).to_event(1))
        )
        for i in pyro.plate("parts", 2):
            loc = self.loc(x)[:, i] if of_guide else 0.0 * z[..., i]
            pyro.sample(f"part{i}", dist.Normal(loc, 1.0))
        if not of_guide:
            observe(self, z, x)


def guide_site(self, x):
    return pyro.sample("z", normal(self, x).to_event(1))


def own_subsample(self, x, of_guide):
    with pyro.plate("data", BATCH, subsample_size=4) as rows:
        if of_guide:
            guide_site(self, x[rows])
        else:
            observe(self, pyro.sample("z", dist.Normal(ZERO, 1.0).to_event(1)), x[rows])


def whole_batch(self, x, of_guide):
    with pyro.plate("data", len(x)):
        if of_guide:
            guide_site(self, x)
        else:
            observe(self, pyro.sample("z", dist.Normal(ZERO, 1.0).to_event(1)), x)


def two_codes(self, x, of_guide):
    """Two vectors side by side; the first is a flow."""
    with pyro.plate("data", NUM_DATA, subsample=x):
        prior = dist.Normal(ZERO, 1.0).to_event(1)
        a = pyro.sample("a", autoregressive(self, x) if of_guide else prior)
        b = pyro.sample("b", normal(self, x.flip(1)).to_event(1) if of_guide else prior)
        if not of_guide:
            observe(self, a + b, x)


def scaled(f):
    return poutine.scale(f, 0.3)


def masked(f):
    return poutine.mask(f, HALF)


PARALLEL = {"enumerate": "parallel"}
ENUM = {"elbo": TraceEnumTC_ELBO, "pyros": TraceEnum_ELBO, "options": {"max_plate_nesting": 1}}
VECTORISED = {"num_particles": 2, "vectorize_particles": True, "max_plate_nesting": 1}
SIMPLEX = dist.Dirichlet(torch.ones(D).double())
BOX = dist.Beta(torch.ones(D).double(), 1.0).to_event(1)
RAYS = dist.Gamma(torch.ones(D).double(), 1.0).to_event(1)
JOINT = {"weights": {"alpha": 0.5, "beta": 4.0, "gamma": 4.0}}

WORKS = {
    "normal posterior": pair(),
    "Laplace posterior": of(lambda s, x: dist.Laplace(s.loc(x), positive(s, x)).to_event(1)),
    "log-normal posterior": of(lambda s, x: dist.LogNormal(s.loc(x), 0.5).to_event(1)),
    "Student-t posterior": of(lambda s, x: dist.StudentT(4.0, s.loc(x), 0.5).to_event(1)),
    "logistic posterior": of(lambda s, x: dist.Logistic(s.loc(x), 0.5).to_event(1)),
    "gamma posterior": of(lambda s, x: dist.Gamma(positive(s, x), 1.0).to_event(1), RAYS),
    "beta posterior": of(lambda s, x: dist.Beta(positive(s, x), 1.0).to_event(1), BOX),
    "low-rank normal posterior": of(low_rank),
    "dense normal posterior": of(dense),
    "normal of length one": of(
        lambda s, x: dist.Normal(s.loc(x)[..., :1], 0.5).to_event(1),
        dist.Normal(torch.zeros(1).double(), 1.0).expand([1]).to_event(1),
        decoder="one",
        weights={"alpha": 2.0},
    ),
    "normal through an elementwise flow": of(squashed),
    "autoregressive flow, beta = gamma": of(autoregressive, **JOINT),
    "Dirichlet posterior, beta = gamma": of(
        lambda s, x: dist.Dirichlet(positive(s, x)), SIMPLEX, **JOINT
    ),
    "two layers, bottom up": pair(**UP, latent="z2"),
    "two layers, the lower one decomposed": pair(**UP, latent="z1"),
    "three layers": pair(
        partial(chain_model, layers=3), partial(chain_guide, layers=3), latent="z3"
    ),
    "two layers, top down": pair(UP["model"], top_down, latent="z2"),
    "both layers decomposed": pair(
        **UP, latent={"z1": Weights(beta=4.0), "z2": Weights(beta=6.0)}, weights={}
    ),
    "a flow beside a normal, both decomposed": pair(
        partial(two_codes, of_guide=False),
        partial(two_codes, of_guide=True),
        latent={"a": Weights(alpha=2.0), "b": Weights(beta=6.0)},
        weights={},
    ),
    "floors under one layer": pair(**UP, latent="z2", weights={"free_bits": {"z1": 0.3}}),
    "floors under a low-rank normal": of(low_rank, weights={"free_bits": 0.3}),
    "plate of another name": pair(partial(model, plate="rows"), partial(guide, plate="rows")),
    "plate of the batch's own size": pair(
        partial(whole_batch, of_guide=False), partial(whole_batch, of_guide=True)
    ),
    "plate that draws its own subsample": pair(
        partial(own_subsample, of_guide=False), partial(own_subsample, of_guide=True)
    ),
    "a plate of time steps inside data": of_steps(),
    "several plates, the images' named": of_steps(data="rows"),
    "sequential plate beside": pair(partial(parts, of_guide=False), partial(parts, of_guide=True)),
    "scaled model": pair(handlers=(scaled, lambda f: f)),
    "scaled pair": pair(handlers=(scaled, scaled)),
    "masked pair": pair(handlers=(masked, masked)),
    "masked low-rank pair": of(low_rank, handlers=(masked, masked)),
    "masked model and a flow": of(autoregressive, handlers=(masked, lambda f: f), **JOINT),
    "two observed images": pair(two_images),
    "conditional on a label": pair(
        partial(conditional, of_guide=False), partial(conditional, of_guide=True), args=(X, Y)
    ),
    "a label that is observed": pair(
        semi_supervised, lambda self, x, y: guide(self, x + y), args=(X, Y)
    ),
    "keyword arguments": pair(
        partial(conditional, of_guide=False, y=Y), partial(conditional, of_guide=True, y=Y)
    ),
    "a global latent beside": pair(
        partial(global_latent, of_guide=False), partial(global_latent, of_guide=True)
    ),
    "an auxiliary site of the guide": pair(guide=auxiliary),
    "pyro.factor and pyro.deterministic": pair(with_factor),
    "a prior from the parameter store": pair(learned_prior),
    "a mixture prior, summed by MixtureSameFamily": pair(summed_mixture),
    "a label that is drawn": labelled(),
    "a label enumerated in the guide": labelled(PARALLEL, **ENUM),
    "a label enumerated over its plate": labelled({**PARALLEL, "expand": True}, **ENUM),
    "a label enumerated that the code ignores": pair(
        partial(label, of_guide=False),
        partial(label, of_guide=True, infer=PARALLEL, follow=False),
        **ENUM,
    ),
    "a component enumerated in the model": pair(partial(mixture_model, infer=PARALLEL), **ENUM),
    "a low-rank normal and an enumerated component": pair(
        partial(mixture_model, infer=PARALLEL), partial(guide, q=low_rank), **ENUM
    ),
    "a flow and an enumerated component": pair(
        partial(mixture_model, infer=PARALLEL),
        partial(guide, q=autoregressive),
        weights={"alpha": 0.5},
        **ENUM,
    ),
    "three particles": pair(options={"num_particles": 3}),
    "vectorised particles": pair(options=VECTORISED),
    "vectorised particles of a low-rank normal": of(low_rank, options=VECTORISED),
    "vectorised particles of a flow": of(autoregressive, options=VECTORISED, **JOINT),
    "vectorised particles, a label enumerated": labelled(
        PARALLEL, **{**ENUM, "options": VECTORISED}
    ),
    "stratified sampling": pair(options={"estimator": "mss"}),
    "stratified sampling of a flow": of(autoregressive, options={"estimator": "mss"}, **JOINT),
}


def programs(case):
    handlers = getattr(case, "handlers", (lambda f: f, lambda f: f))
    with pyro.settings.context(module_local_params=True):
        made = [Program(f, h) for f, h in zip((case.model, case.guide), handlers, strict=True)]
    if getattr(case, "decoder", None) == "one":
        made[0].decoder = nn.Linear(1, 3).double()
    return made


@pytest.mark.parametrize("name", WORKS)
def test_works(name, assert_same_bound, value_and_gradient):
    case = WORKS[name]
    made, args = programs(case), getattr(case, "args", (X,))
    options, elbo = getattr(case, "options", {}), getattr(case, "elbo", TraceTC_ELBO)
    named = {"plate": "rows"} if "images' named" in name else {}
    plain = dict.fromkeys(case.latent, Weights()) if isinstance(case.latent, dict) else case.latent
    pyros = {key: value for key, value in options.items() if key != "estimator"}
    reference = getattr(case, "pyros", Trace_ELBO)(**pyros)
    ours = elbo(plain, **options, **named)
    assert_same_bound((ours, *made), (reference, *made), *args)
    weighted = elbo(case.latent, **getattr(case, "weights", {"beta": 4.0}), **options, **named)
    value, gradient = value_and_gradient(weighted, *made, *args)
    assert torch.tensor(value).isfinite()
    assert gradient.isfinite().all()
    assert value != pytest.approx(value_and_gradient(ours, *made, *args)[0], rel=1e-6)
