"""Programs and settings that the bound refuses, each with what to do instead.

What works is in `test_programs_that_work.py`.
"""

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.distributions import transforms
from pyro.infer.autoguide import AutoDiagonalNormal, AutoNormal
from torch import nn

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.objectives import TraceEnumTC_ELBO, TraceTC_ELBO, Weights

N = 20
X = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
ZERO = torch.zeros(2)
PARALLEL = {"enumerate": "parallel"}
LIKE_THEM = r"declare it with dist.Normal\(loc, scale\).to_event\(1\)"


def normal(x):
    return dist.Normal(x, 1.0).to_event(1)


def guide(x, q=normal, plate="data"):
    with pyro.plate(plate, N, subsample=x):
        pyro.sample("z", q(x))


def model(x, p=None, plate="data"):
    with pyro.plate(plate, N, subsample=x):
        z = pyro.sample("z", normal(ZERO) if p is None else p)
        if z.shape[-2:] == x.shape:
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)


def of(q):
    return lambda x: guide(x, q)


def bent(*kinds):
    return of(lambda x: dist.TransformedDistribution(normal(x), list(kinds)))


def in_time(x, plates=("time", "rows")):
    with pyro.plate(plates[0], 3, dim=-1), pyro.plate(plates[1], N, subsample=x, dim=-2):
        return pyro.sample("z", normal(x[:, None].expand(-1, 3, -1)))


def outside(x):
    return pyro.sample("z", normal(x[0]))


def sequential_plate(x):
    for _ in pyro.plate("data", 1):
        pyro.sample("z", normal(x[0]))


def another_size(x):
    with pyro.plate("data", 6):
        pyro.sample("z", normal(x))


def observing_the_latent(x):
    with pyro.plate("data", N, subsample=x):
        pyro.sample("z", normal(ZERO), obs=x)


def label(where, kind="parallel", infer=None):
    """A label in the guide, the model, or both, and z in both."""
    infer = {"enumerate": kind} if infer is None else infer

    def program(x, mine, observe):
        with pyro.plate("data", N, subsample=x):
            y = (
                pyro.sample("y", dist.Bernoulli(torch.tensor(0.3)), infer=infer)
                if mine
                else 0 * x[:, 0]
            )
            z = pyro.sample("z", normal(x * (not observe) + y[..., None] * torch.ones(2)))
            if observe:
                pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    return lambda x: program(x, True, True), lambda x: program(x, where == "guide", False)


def shared_label(x):
    y = pyro.sample("y", dist.Bernoulli(torch.tensor(0.5)), infer=PARALLEL)
    guide(x, lambda x: normal(x + y[..., None]))


def model_of_shared(x):
    pyro.sample("y", dist.Bernoulli(torch.tensor(0.5)), infer=PARALLEL)
    model(x)


class Planar(nn.Module):
    def forward(self, x):
        guide(x, lambda x: dist.TransformedDistribution(normal(x), [transforms.Planar(2)]))


IAF = transforms.affine_autoregressive(2, hidden_dims=[4])
REFUSED = NotImplementedError
B2 = {"beta": 2.0}
FAILS = {
    "a site that there is none of": (
        {"latent": "z9"},
        (model, guide),
        ValueError,
        r"site 'z9' is not a latent site of both model and guide \(those are: 'z'\)",
    ),
    "one of several sites that there is none of": (
        {"latent": {"z": Weights(), "z2": Weights()}},
        (model, guide),
        ValueError,
        "site 'z2' is not a latent site of both",
    ),
    "a latent that the model observes": (
        {},
        (observing_the_latent, guide),
        ValueError,
        r"site 'z' is not a latent site of both .*\(those are: none\)",
    ),
    "a site outside every plate": (
        {},
        (outside, outside),
        InputError,
        r"site 'z' is not inside a vectorised plate 'data' \(its plates: none\)",
    ),
    "a sequential plate": (
        {},
        (sequential_plate, sequential_plate),
        InputError,
        "site 'z' is not inside a vectorised plate 'data'",
    ),
    "several plates and none called data": (
        {},
        (in_time, in_time),
        InputError,
        r"site 'z' is inside several vectorised plates \('time', 'rows'\).*with plate=",
    ),
    "the name of a plate that is not there": (
        {"plate": "rows"},
        (model, guide),
        InputError,
        r"not inside a vectorised plate 'rows' \(its plates: 'data'\)",
    ),
    "plates of two sizes": (
        {},
        (model, another_size),
        InputError,
        "guide's stands for 6 images and the model's for 20: give both the same num_data",
    ),
    "AutoNormal, whose site is a Delta": (
        {},
        (model, AutoNormal(model)),
        REFUSED,
        r"site 'z' cannot be decomposed.*autoguides put a Delta there: write the guide with",
    ),
    "AutoDiagonalNormal, whose site is a Delta": (
        {},
        (model, AutoDiagonalNormal(model)),
        REFUSED,
        "autoguides put a Delta there: write the guide with",
    ),
    "a point in place of a posterior": (
        {},
        (model, of(lambda x: dist.Delta(x, event_dim=1))),
        REFUSED,
        "autoguides put a Delta there",
    ),
    "a discrete site to decompose": (
        {},
        (model, of(lambda x: dist.Bernoulli(x.sigmoid()).to_event(1))),
        REFUSED,
        r"guide site 'z': Independent\(Bernoulli, 1\) has no rsample; use a reparameterised",
    ),
    "a number per image that is no vector": (
        {},
        (
            lambda x: model(x, dist.Normal(0.0, 1.0)),
            of(lambda x: dist.Normal(x[:, 0], 1.0)),
        ),
        REFUSED,
        f"site 'z' cannot be decomposed.*got Normal; {LIKE_THEM}",
    ),
    "a matrix per image": (
        {},
        (
            lambda x: model(x, dist.Normal(torch.zeros(2, 2), 1.0).to_event(2)),
            of(lambda x: dist.Normal(x[:, None].expand(-1, 2, -1), 1.0).to_event(2)),
        ),
        REFUSED,
        rf"site 'z' cannot be decomposed.*got Independent\(Normal, 2\); {LIKE_THEM}",
    ),
    "a distribution with a mask of its own": (
        {},
        (model, of(lambda x: normal(x).mask(torch.tensor(True)))),
        REFUSED,
        "site 'z' cannot be decomposed.*got MaskedDistribution",
    ),
    "the total correlation of a flow": (
        B2,
        (model, bent(IAF)),
        REFUSED,
        r"site 'z' cannot be decomposed with beta=2 and gamma=1.*give both one weight \(alpha may",
    ),
    "a flow without an inverse": (
        {},
        (model, Planar()),
        REFUSED,
        "site 'z' cannot be decomposed: TransformedDistribution has no density.*with an inverse",
    ),
    "a floor under the dimensions of a flow": (
        {"free_bits": 0.1},
        (model, bent(IAF)),
        REFUSED,
        "site 'z' cannot be given free bits.*got TransformedDistribution",
    ),
    "a floor under a site that there is none of": (
        {"free_bits": {"z2": 0.1}},
        (model, guide),
        ValueError,
        r"free_bits: 'z2' is not a latent site of both model and guide \(those are: z\)",
    ),
    "the entropy of a flow": (
        {"analytic_entropy": True},
        (model, bent(IAF)),
        REFUSED,
        "site 'z': TransformedDistribution has no entropy in closed form: use analytic_entropy=F",
    ),
    "a label enumerated in the guide": (
        {},
        label("guide"),
        REFUSED,
        "site 'y' is to be enumerated.*use TraceEnumTC_ELBO; or",
    ),
    "a component enumerated in the model": (
        {},
        label("model"),
        REFUSED,
        "site 'y' is to be enumerated.*use TraceEnumTC_ELBO; or",
    ),
    "a weight beside sequential enumeration": (
        {**B2, "elbo": TraceEnumTC_ELBO},
        label("guide", "sequential"),
        REFUSED,
        "site 'y': beside a weight other than 1.*give it infer={'enumerate': 'parallel'}",
    ),
    "a weight beside enumeration by samples": (
        {**B2, "elbo": TraceEnumTC_ELBO},
        label("guide", infer={**PARALLEL, "num_samples": 2}),
        REFUSED,
        "site 'y': beside a weight other than 1.*give it infer={'enumerate': 'parallel'}",
    ),
    "a weight beside a label that all images share": (
        {**B2, "elbo": TraceEnumTC_ELBO},
        (model_of_shared, shared_label),
        REFUSED,
        r"site 'y' is enumerated, and its plates \(none\) are not those of 'z' \(data\)",
    ),
    "the weight of a prior that is a sum": (
        {"gamma": 2.0, "elbo": TraceEnumTC_ELBO},
        label("model"),
        REFUSED,
        "site 'z': gamma=2.*depends on 'y', which the model enumerates: use gamma=1",
    ),
}
SETTINGS = {
    "no name": (lambda: TraceTC_ELBO(None), TypeError, "the name of a site, or .* got None"),
    "no site": (lambda: TraceTC_ELBO({}), ValueError, "weights of one site or more, got none"),
    "a number for weights": (
        lambda: TraceTC_ELBO({"z": 4.0}),
        TypeError,
        r"expected the Weights of sites by name, {'z1': Weights\(beta=4.0\)}, got 'z': 4.0",
    ),
    "a weight below 0 of one site": (
        lambda: TraceTC_ELBO({"z": Weights(beta=-1.0)}),
        ValueError,
        "expected beta of 'z' >= 0 and finite, got -1.0",
    ),
    "a weight beside those of the sites": (
        lambda: TraceTC_ELBO({"z": Weights()}, beta=4.0),
        ValueError,
        "weights beside those of the sites: give each site its own",
    ),
    "one weight of several sites": (
        lambda: setattr(TraceTC_ELBO({"z1": Weights(), "z2": Weights()}), "beta", 2.0),
        AttributeError,
        "z1, z2 have a beta each: see the attribute weights",
    ),
    "a floor below 0 under one site": (
        lambda: TraceTC_ELBO("z", free_bits={"z": -0.1}),
        ValueError,
        "expected free_bits of 'z' >= 0 and finite, got -0.1",
    ),
    "floors beside sums over labels": (
        lambda: TraceEnumTC_ELBO("z", free_bits=0.1),
        NotImplementedError,
        "TraceEnumTC_ELBO has no free_bits and no analytic_entropy",
    ),
    "reports beside sums over labels": (
        lambda: TraceEnumTC_ELBO("z").observing(print),
        AttributeError,
        "is not reported in parts where sites are enumerated",
    ),
}


@pytest.mark.parametrize("name", FAILS)
@pytest.mark.filterwarnings("ignore:Found ", "ignore:y\\nIf you want to enumerate")
def test_is_refused(name):
    options, programs, error, message = FAILS[name]
    options = dict(options)
    elbo = options.pop("elbo", TraceTC_ELBO)
    with pytest.raises(error, match=message):
        elbo(options.pop("latent", "z"), max_plate_nesting=1, **options).loss(*programs, X)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_refused(name):
    make, error, message = SETTINGS[name]
    with pytest.raises(error, match=message):
        make()
