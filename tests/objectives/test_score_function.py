"""Discrete sites beside the one that is decomposed."""

from contextlib import nullcontext
from itertools import product

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from torch import nn

from pyro_seatbelt.objectives import TraceTC_ELBO
from pyro_seatbelt.objectives.score_function import score_function
from pyro_seatbelt.traces.ranks import SharedBatch

NUM_DATA = 7
X = torch.randn(2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
EPS = torch.randn(2, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
CENTRES = torch.tensor([[-1.0, 0.5], [2.0, 0.0], [0.0, 1.0]], dtype=torch.float64)


class Program(nn.Module):
    """A mixture model or its guide, whose draws can be chosen."""

    def __init__(self, program):
        super().__init__()
        torch.manual_seed(0)
        self.program = program
        self.of_label, self.of_code = nn.Linear(3, 3).double(), nn.Linear(6, 2).double()
        self.decoder, self.prior = nn.Linear(2, 3).double(), nn.Parameter(torch.zeros(3).double())

    def forward(self, x, y=None):
        with pyro.plate("data", NUM_DATA, subsample=x):
            self.program(self, x, y)


class Chosen(dist.Categorical):
    """A label whose draw is given."""

    def __init__(self, logits, value):
        super().__init__(logits=logits, validate_args=False)
        self.value = value

    def expand(self, batch_shape, _instance=None):
        return self

    def sample(self, sample_shape=()):
        return self.value


class Frozen(dist.Normal):
    """A code whose noise is given."""

    def rsample(self, sample_shape=()):
        return self.loc + self.scale * EPS


def guide_of(self, x, y):
    logits = self.of_label(x)
    label = dist.Categorical(logits=logits) if y is None else Chosen(logits, y)
    normal = dist.Normal if y is None else Frozen
    y = nn.functional.one_hot(pyro.sample("y", label), 3).double()
    loc = self.of_code(torch.cat([x.expand(y.shape), y], -1))
    pyro.sample("z", normal(loc, 0.7 + loc.sigmoid()).to_event(1))


def model_of(self, x, y):
    del y
    label = pyro.sample("y", dist.Categorical(logits=self.prior))
    z = pyro.sample("z", dist.Normal(CENTRES[label], 1.0).to_event(1))
    pyro.sample("x", dist.Normal(self.decoder(z), 0.5).to_event(1), obs=x)


def pair():
    with pyro.settings.context(module_local_params=True):
        return Program(model_of), Program(guide_of)


PARTICLES = {
    "1": {},
    "3": {"num_particles": 3},
    "3 vectorised": {"num_particles": 3, "vectorize_particles": True, "max_plate_nesting": 1},
}


@pytest.mark.parametrize("particles", PARTICLES)
def test_at_weights_one_value_and_gradient_are_those_of_trace_elbo(particles, assert_same_bound):
    model, guide = pair()
    options = PARTICLES[particles]
    assert_same_bound(
        (TraceTC_ELBO("z", **options), model, guide), (Trace_ELBO(**options), model, guide), X
    )


@pytest.mark.parametrize("analytic_entropy", [False, True])
@pytest.mark.parametrize("weights", [{}, {"beta": 4.0}, {"alpha": 0.5, "beta": 3.0, "gamma": 2.0}])
def test_the_expected_gradient_is_that_of_the_sum_over_all_labels(weights, analytic_entropy):
    """Over every pair of labels, with the codes' noise held fixed, to the last digits."""
    model, guide = pair()
    parameters = [*model.parameters(), *guide.parameters()]
    elbo = TraceTC_ELBO("z", analytic_entropy=analytic_entropy, **weights)
    expectation, estimate = torch.zeros(()), [torch.zeros_like(p) for p in parameters]
    for labels in product(range(3), repeat=2):
        y = torch.tensor(labels)
        log_q = dist.Categorical(logits=guide.of_label(X)).log_prob(y).sum()
        loss = elbo.differentiable_loss(model, guide, X, y)
        gradient = torch.autograd.grad(loss, parameters, allow_unused=True)
        for total, each in zip(estimate, gradient, strict=True):
            if each is not None:
                total.add_(log_q.exp().detach() * each)
        traces = next(iter(elbo._get_traces(model, guide, (X, y), {})))
        terms = elbo.terms(*traces)
        value = (
            elbo.alpha * terms.mutual_information
            + elbo.beta * terms.total_correlation
            + elbo.gamma * terms.dimension_wise_kl
            + terms.lower_kl
            - terms.log_likelihood
        )
        assert loss.item() == pytest.approx(value.item(), rel=1e-12)
        expectation = expectation + log_q.exp() * value
    exact = torch.autograd.grad(expectation, parameters, allow_unused=True)
    for one, other in zip(estimate, exact, strict=True):
        assert torch.allclose(one, torch.zeros_like(one) if other is None else other, atol=1e-9)
    [of_label] = [i for i, each in enumerate(parameters) if each is guide.of_label.weight]
    assert estimate[of_label].norm() > 0.1


def test_without_discrete_sites_nothing_is_added():
    def program(x, observe):
        with pyro.plate("data", NUM_DATA, subsample=x):
            z = pyro.sample("z", dist.Normal(x, 1.0).to_event(1))
            if observe:
                pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    elbo = TraceTC_ELBO("z", beta=4.0)
    traces = next(
        iter(elbo._get_traces(lambda: program(X, True), lambda: program(X, False), (), {}))
    )
    elbo.terms(*traces)
    assert score_function(*traces, {}, torch.zeros(())) is None


@pytest.mark.parametrize(
    ("where", "kind"), [("model", "parallel"), ("guide", "parallel"), ("guide", "sequential")]
)
@pytest.mark.filterwarnings("ignore:y\\nIf you want to enumerate", "ignore:Found vars in model")
def test_a_site_that_is_to_be_enumerated_is_refused_by_name(where, kind):
    """In the model alone it was counted as a draw from the prior, which is no bound."""

    def label():
        pyro.sample("y", dist.Categorical(torch.ones(3)), infer={"enumerate": kind})

    def model(x):
        with pyro.plate("data", NUM_DATA, subsample=x):
            label()
            z = pyro.sample("z", dist.Normal(torch.zeros(3), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    def guide(x):
        with pyro.plate("data", NUM_DATA, subsample=x):
            if where == "guide":
                label()
            pyro.sample("z", dist.Normal(x, 1.0).to_event(1))

    message = "site 'y' is to be enumerated.*TraceEnumTC_ELBO.*without infer.*or sum it out of the"
    with pytest.raises(NotImplementedError, match=message):
        TraceTC_ELBO("z").loss(model, guide, X)


def test_what_couples_images_counts_over_all_processes():
    """The other process has three times as much of it: together four times what is here."""
    logits = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)

    def guide():
        with pyro.plate("data", NUM_DATA, subsample_size=2):
            pyro.sample("y", dist.Bernoulli(logits=logits))

    def gradient(coupled, around):
        pyro.set_rng_seed(0)
        with around:
            trace = poutine.trace(guide).get_trace()
        trace.compute_log_prob()
        log_q = {"y": trace.nodes["y"]["log_prob"]}
        term = score_function(trace, trace, log_q, torch.tensor(coupled, dtype=torch.float64))
        return torch.autograd.grad(term, logits)[0]

    def two():
        return SharedBatch(0, 2, lambda t: torch.cat([t, 3 * t]), 2, torch.Generator())

    ours = gradient(0.5, two()) - gradient(0.0, two())
    assert ours.norm() > 0
    assert torch.allclose(ours, gradient(2.0, nullcontext()) - gradient(0.0, nullcontext()))
