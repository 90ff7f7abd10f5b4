"""Discrete sites beside the decomposed one, summed out: against sums by hand."""

import math

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import SVI, TraceEnum_ELBO
from pyro.nn import PyroModule
from pyro.optim import Adam
from torch import nn
from torch.nn.functional import one_hot

from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.family import Weights
from pyro_seatbelt.models import concatenate
from pyro_seatbelt.objectives import TraceEnumTC_ELBO, TraceTC_ELBO
from pyro_seatbelt.traces.ranks import SharedBatch
from pyro_seatbelt.training import TrainConfig, fit

NUM_DATA, LABELS, D = 9, 3, 2
X = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
PARALLEL = {"enumerate": "parallel"}


class Guide(PyroModule):
    """q(y | x) q(z | x, y), as M2's; `of_label=False` is a guide without a label."""

    def __init__(self, of_label=True, infer=PARALLEL):
        with pyro.settings.context(module_local_params=True):
            super().__init__()
        torch.manual_seed(0)
        self.label, self.code = nn.Linear(3, LABELS).double(), nn.Linear(6, 2 * D).double()
        self.of_label, self.infer = of_label, infer

    def posterior(self, x, y):
        loc, raw = self.code(concatenate([x, y])).chunk(2, -1)
        return dist.Normal(loc, 0.3 + raw.sigmoid())

    def forward(self, x, y=None):
        with pyro.plate("data", NUM_DATA, subsample=x):
            y = torch.zeros(LABELS).double() if y is None else y
            if self.of_label:
                label = dist.OneHotCategorical(logits=self.label(x))
                y = pyro.sample("y", label, infer=self.infer)
            pyro.sample("z", self.posterior(x, y).to_event(1))


class Model(PyroModule):
    """A mixture prior p(y) p(z | y) and p(x | z, y)."""

    def __init__(self, infer=None):
        with pyro.settings.context(module_local_params=True):
            super().__init__()
        torch.manual_seed(1)
        self.centre, self.decoder = nn.Linear(LABELS, D).double(), nn.Linear(D + LABELS, 3).double()
        self.infer = infer

    def forward(self, x, y=None):
        del y
        with pyro.plate("data", NUM_DATA, subsample=x):
            p = dist.OneHotCategorical(torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64))
            y = pyro.sample("y", p, infer=self.infer or {})
            z = pyro.sample("z", dist.Normal(self.centre(y), 1.0).to_event(1))
            image = self.decoder(concatenate([z, y]))
            pyro.sample("x", dist.Normal(image, 0.5).to_event(1), obs=x)


def value_and_gradient(loss, *modules):
    parameters = [p for module in modules for p in module.parameters()]
    grads = torch.autograd.grad(loss, parameters, allow_unused=True)
    filled = [
        torch.zeros_like(p) if g is None else g for p, g in zip(parameters, grads, strict=True)
    ]
    return loss.item(), torch.cat([g.flatten() for g in filled])


def assert_equal(one, other, model, guide):
    (value, gradient), (expected, other_gradient) = (
        value_and_gradient(loss, model, guide) for loss in (one, other)
    )
    assert value == pytest.approx(expected, rel=1e-10)
    assert other_gradient.norm() > 0
    assert torch.allclose(gradient, other_gradient, rtol=1e-8, atol=1e-9)


def noise(elbo, guide, model, labels):
    """The noise of the draws that the next call makes, shape (labels, M, D)."""
    pyro.set_rng_seed(3)
    with torch.no_grad(), pyro.settings.context(module_local_params=True):
        _, trace = next(iter(elbo._get_traces(model, guide, (X,), {})))
    fn = trace.nodes["z"]["fn"].base_dist
    eps = (trace.nodes["z"]["value"] - fn.loc) / fn.scale
    pyro.set_rng_seed(3)
    return eps.reshape(labels, len(X), D)


def log_w(estimator):
    count = len(X)
    weights = torch.full((count, count), 1 / (NUM_DATA * count), dtype=torch.float64)
    if estimator == "mss":
        weights = torch.full((count, count), 1 / (count - 1), dtype=torch.float64)
        for i in range(count):
            weights[i, i] = 1 / NUM_DATA
            weights[i, (i + 1) % count] = (NUM_DATA - count + 1) / (NUM_DATA * (count - 1))
    return weights.log()


def labelled(guide):
    """log q(y | x), shape (M, labels), and the posterior of every label and image."""
    log_y = guide.label(X).log_softmax(-1)
    return log_y, [guide.posterior(X, y) for y in torch.eye(LABELS).double()]


@pytest.mark.parametrize("estimator", ["mws", "mss"])
@pytest.mark.parametrize(
    "weights", [{}, {"beta": 4.0}, {"alpha": 0.5, "beta": 3.0, "gamma": 2.0}], ids=str
)
def test_enumerated_in_the_guide_it_is_the_sum_over_labels_by_hand(weights, estimator):
    """As M2: the bound and the aggregate of every label and image, one number at a time."""
    model, guide = Model(), Guide()
    elbo = TraceEnumTC_ELBO("z", estimator=estimator, max_plate_nesting=1, **weights)
    eps = noise(elbo, guide, model, LABELS)
    with pyro.settings.context(module_local_params=True):
        loss = elbo.differentiable_loss(model, guide, X)
    log_y, q = labelled(guide)
    w, alpha = log_w(estimator), elbo.alpha
    z = [q[y].loc + q[y].scale * eps[y] for y in range(LABELS)]
    total = torch.zeros(()).double()
    for y in range(LABELS):
        label = one_hot(torch.tensor(y), LABELS).double()
        prior = dist.Normal(model.centre(label), 1.0)
        image = dist.Normal(model.decoder(concatenate([z[y], label])), 0.5)
        for i in range(len(X)):
            own = z[y][i]
            pairs = torch.stack([dist.Normal(f.loc, f.scale).log_prob(own) for f in q])
            shares = torch.stack([w[i] + log_y[:, k] for k in range(LABELS)])  # (labels, M)
            joint = (pairs.sum(-1) + shares).flatten().logsumexp(0)
            product = (pairs + shares[..., None]).flatten(0, 1).logsumexp(0).sum()
            log_q = dist.Normal(q[y].loc[i], q[y].scale[i]).log_prob(own).sum()
            cost = alpha * (log_q - joint) + elbo.beta * (joint - product)
            cost = cost + elbo.gamma * (product - prior.log_prob(own).sum())
            cost = cost + log_y[i, y] - math.log([0.2, 0.3, 0.5][y])
            cost = cost - dist.Normal(image.loc[i], 0.5).log_prob(X[i]).sum()
            total = total + log_y[i, y].exp() * cost
    assert_equal(loss, total * NUM_DATA / len(X), model, guide)


@pytest.mark.parametrize("weights", [{}, {"alpha": 0.5, "beta": 3.0}], ids=str)
def test_enumerated_in_the_model_it_is_the_mixture_by_hand(weights):
    """As VaDE, with a likelihood that depends on the component, too."""
    model, guide = Model(PARALLEL), Guide(of_label=False)
    elbo = TraceEnumTC_ELBO("z", max_plate_nesting=1, **weights)
    eps = noise(elbo, guide, model, 1)[0]
    with pyro.settings.context(module_local_params=True):
        loss = elbo.differentiable_loss(model, guide, X)
    q = guide.posterior(X, torch.zeros(LABELS).double())
    z = q.loc + q.scale * eps
    pairs = dist.Normal(q.loc, q.scale).log_prob(z[:, None])
    joint = pairs.sum(-1).logsumexp(1) - math.log(NUM_DATA * len(X))
    product = (pairs.logsumexp(1) - math.log(NUM_DATA * len(X))).sum(-1)
    log_q = q.log_prob(z).sum(-1)
    components = []
    for y, share in enumerate([0.2, 0.3, 0.5]):
        label = one_hot(torch.tensor(y), LABELS).double()
        log_z = dist.Normal(model.centre(label), 1.0).log_prob(z).sum(-1)
        log_x = dist.Normal(model.decoder(concatenate([z, label])), 0.5).log_prob(X).sum(-1)
        components.append(math.log(share) + log_z + log_x)
    cost = log_q - torch.stack(components).logsumexp(0)
    cost = cost + (elbo.alpha - 1) * (log_q - joint) + (elbo.beta - 1) * (joint - product)
    assert_equal(loss, cost.sum() * NUM_DATA / len(X), model, guide)


PARTICLES = {
    "1": {},
    "2": {"num_particles": 2},
    "2 vectorised": {"num_particles": 2, "vectorize_particles": True},
}


@pytest.mark.parametrize("particles", PARTICLES)
@pytest.mark.parametrize("where", ["guide, parallel", "guide, sequential", "model"])
def test_at_weights_one_it_is_pyros_bound(where, particles, assert_same_bound):
    kind = {"enumerate": where.rpartition(" ")[2]}
    pair = (Model(PARALLEL), Guide(False)) if where == "model" else (Model(), Guide(infer=kind))
    options = {"max_plate_nesting": 1, **PARTICLES[particles]}
    ours, pyros = TraceEnumTC_ELBO("z", **options), TraceEnum_ELBO(**options)
    assert_same_bound((ours, *pair), (pyros, *pair), X)


def test_particles_are_a_mean_over_draws_of_the_parts():
    model, guide = Model(), Guide()
    losses = []
    for options in ({"num_particles": 100}, {"num_particles": 100, "vectorize_particles": True}):
        elbo = TraceEnumTC_ELBO("z", beta=4.0, max_plate_nesting=1, **options)
        pyro.set_rng_seed(0)
        with torch.no_grad(), pyro.settings.context(module_local_params=True):
            losses.append(elbo.differentiable_loss(model, guide, X).item())
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_a_label_that_the_code_ignores_is_summed_out():
    """The aggregate is then that of the codes alone, and the bound TraceTC_ELBO's but for KL(y)."""

    class Aside(Guide):
        def forward(self, x, y=None):
            with pyro.plate("data", NUM_DATA, subsample=x):
                if self.of_label:
                    pyro.sample("y", dist.OneHotCategorical(logits=self.label(x)), infer=PARALLEL)
                pyro.sample("z", self.posterior(x, torch.zeros(LABELS).double()).to_event(1))

    parts = []
    for guide in (Aside(), Aside(of_label=False)):
        model = Model(None if guide.of_label else PARALLEL)
        losses = []
        for weights in ({}, {"alpha": 0.3, "beta": 5.0}):
            elbo = TraceEnumTC_ELBO("z", max_plate_nesting=1, **weights)
            pyro.set_rng_seed(5)
            losses.append(elbo.loss(model, guide, X))
        parts.append(losses[1] - losses[0])
    assert parts[0] == pytest.approx(parts[1], rel=1e-9)


def test_two_labels_of_which_the_code_follows_the_second():
    """The first is summed out of the chance of the second."""

    def sites(x, first, second):
        with pyro.plate("data", NUM_DATA, subsample=x):
            a = pyro.sample("a", dist.Categorical(first), infer=PARALLEL)
            b = pyro.sample("b", dist.Categorical(second[a]), infer=PARALLEL)
            pyro.sample("z", dist.Normal(x[:, :2] + b[..., None], 1.0).to_event(1))

    def one(x, chance):
        with pyro.plate("data", NUM_DATA, subsample=x):
            b = pyro.sample("b", dist.Categorical(chance), infer=PARALLEL)
            pyro.sample("z", dist.Normal(x[:, :2] + b[..., None], 1.0).to_event(1))

    def model(x, *_, chain):
        with pyro.plate("data", NUM_DATA, subsample=x):
            if chain:
                pyro.sample("a", dist.Categorical(first))
            pyro.sample("b", dist.Categorical(torch.ones(2).double()))
            z = pyro.sample("z", dist.Normal(torch.zeros(2).double(), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x[:, :2])

    first = torch.tensor([0.25, 0.75], dtype=torch.float64)
    second = torch.tensor([[0.1, 0.9], [0.8, 0.2]], dtype=torch.float64)
    gaps = []
    for guide, arguments, chain in (
        (sites, (first, second), True),
        (one, (first @ second,), False),
    ):
        losses = []
        for weights in ({}, {"alpha": 0.5, "beta": 3.0, "gamma": 2.0}):
            elbo = TraceEnumTC_ELBO("z", max_plate_nesting=1, **weights)
            pyro.set_rng_seed(5)
            losses.append(
                elbo.differentiable_loss(
                    lambda *a, chain=chain: model(*a, chain=chain), guide, X, *arguments
                ).item()
            )
        gaps.append(losses[1] - losses[0])
    assert gaps[0] == pytest.approx(gaps[1], rel=1e-9)


def test_a_mixed_batch_without_labels_to_enumerate_is_tc_elbos():
    """A semi-supervised program observes the label of some batches."""
    guide, model = Guide(of_label=False), Model(None)
    y = torch.eye(LABELS).double()[[0, 1, 2, 0]]

    def observed(x, y):
        pyro.condition(model, data={"y": y})(x)

    losses = []
    for elbo in (
        TraceEnumTC_ELBO("z", beta=4.0, max_plate_nesting=1, strict_enumeration_warning=False),
        TraceTC_ELBO("z", beta=4.0),
    ):
        pyro.set_rng_seed(0)
        losses.append(elbo.loss(observed, guide, X, y))
    assert losses[0] == pytest.approx(losses[1], rel=1e-10)


def test_svi_trains_both_programs():
    pyro.set_rng_seed(0)
    model, guide = Model(), Guide()
    elbo = TraceEnumTC_ELBO("z", beta=2.0, max_plate_nesting=1)
    svi = SVI(model, guide, Adam({"lr": 0.1}), elbo)
    losses = [svi.step(X) for _ in range(12)]
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])


def sequential():
    return Model(), Guide(infer={"enumerate": "sequential"})


def drawn():
    return Model(), Guide(infer={})


def few():
    return Model(), Guide(infer={"enumerate": "parallel", "num_samples": 2, "expand": False})


def shared():
    def label():
        return pyro.sample("y", dist.Bernoulli(torch.tensor(0.5).double()), infer=PARALLEL)

    def guide(x):
        y = label()
        with pyro.plate("data", NUM_DATA, subsample=x):
            pyro.sample("z", dist.Normal(x[:, :2] + y[..., None, None], 1.0).to_event(1))

    def model(x):
        label()
        with pyro.plate("data", NUM_DATA, subsample=x):
            z = pyro.sample("z", dist.Normal(torch.zeros(2).double(), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x[:, :2])

    return model, guide


def in_model():
    return Model(PARALLEL), Guide(of_label=False)


@pytest.mark.parametrize(
    ("pair", "weights", "message"),
    [
        (sequential, {"beta": 2.0}, "site 'y'.*is not: give it infer=.*parallel"),
        (drawn, {"beta": 2.0}, "site 'y'.*OneHotCategorical is not: give it infer=.*parallel"),
        (few, {"beta": 2.0}, "site 'y'.*is not: give it infer="),
        (shared, {"beta": 2.0}, r"site 'y' is enumerated, and its plates \(none\).*inside the pl"),
        (
            in_model,
            {"gamma": 2.0},
            "site 'z': gamma=2.*prior depends on 'y', which the model enumerates",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:TraceEnum_ELBO found no")
def test_what_cannot_be_weighed_is_refused_by_name(pair, weights, message):
    model, guide = pair()
    elbo = TraceEnumTC_ELBO("z", max_plate_nesting=1, **weights)
    with pytest.raises(NotImplementedError, match=message):
        elbo.loss(model, guide, X)


@pytest.mark.parametrize("options", [{"free_bits": 0.1}, {"analytic_entropy": True}])
def test_options_that_do_not_go_with_sums(options):
    with pytest.raises(NotImplementedError, match="has no free_bits and no analytic_entropy"):
        TraceEnumTC_ELBO("z", **options)


@pytest.mark.parametrize("option", ["free_bits", "analytic_entropy"])
def test_options_that_do_not_go_with_sums_are_refused_when_they_are_assigned_later(option):
    elbo = TraceEnumTC_ELBO("z", max_plate_nesting=1)
    setattr(elbo, option, 0.5)
    with pytest.raises(NotImplementedError, match="has no free_bits and no analytic_entropy"):
        elbo.loss(Model(), Guide(), X)


def test_there_is_no_report_in_parts():
    elbo = TraceEnumTC_ELBO("z")
    with pytest.raises(AttributeError, match="is not reported in parts"):
        elbo.observing(print)
    assert not hasattr(elbo, "observing")


def test_processes_that_share_a_minibatch_are_refused_beside_weights():
    elbo = TraceEnumTC_ELBO("z", beta=2.0, max_plate_nesting=1)
    shared = SharedBatch(0, 2, lambda t: torch.cat([t, t]), len(X), torch.Generator())
    with shared, pytest.raises(NotImplementedError, match=r"several processes share.*one process"):
        elbo.loss(Model(), Guide(), X)


class Flat(PyroModule):
    """A program of the rows of images."""

    def __init__(self, program):
        with pyro.settings.context(module_local_params=True):
            super().__init__()
        self.program = program

    def forward(self, x):
        return self.program(x.flatten(1).double())


def test_a_pair_with_labels_is_trained_by_fit():
    guide, model = Flat(Guide()), Flat(Model())
    images = ResidentImages(torch.arange(27, dtype=torch.uint8).reshape(NUM_DATA, 1, 1, 3))
    before = guide.program.code.weight.clone()
    heard = []
    fit(
        *(model, guide, TraceEnumTC_ELBO("z", beta=2.0, max_plate_nesting=1), images),
        torch.arange(NUM_DATA),
        TrainConfig(steps=3, batch_size=4, device="cpu"),
        callbacks=[lambda step, kind, metrics: heard.append(metrics)],
    )
    assert not torch.equal(before, guide.program.code.weight)
    assert heard[0]["loss"] > 0


def test_several_sites_have_weights_of_their_own():
    """The label's mixture counts at the site that follows it, and none at the other."""

    def guide(x):
        with pyro.plate("data", NUM_DATA, subsample=x):
            y = pyro.sample("y", dist.Bernoulli(torch.tensor(0.3).double()), infer=PARALLEL)
            pyro.sample("z", dist.Normal(x[:, :2] + y[..., None], 1.0).to_event(1))
            pyro.sample("w", dist.Normal(x[:, 1:], 1.0).to_event(1))

    def model(x):
        with pyro.plate("data", NUM_DATA, subsample=x):
            pyro.sample("y", dist.Bernoulli(torch.tensor(0.5).double()))
            prior = dist.Normal(torch.zeros(2).double(), 1.0).to_event(1)
            z = pyro.sample("z", prior) + pyro.sample("w", prior)
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x[:, :2])

    def loss(latent):
        pyro.set_rng_seed(0)
        return TraceEnumTC_ELBO(latent, max_plate_nesting=1).loss(model, guide, X)

    z, w, one = Weights(beta=4.0), Weights(alpha=0.5), Weights()
    plain = loss({"z": one, "w": one})
    each = loss({"z": z, "w": one}) + loss({"z": one, "w": w}) - 2 * plain
    assert loss({"z": z, "w": w}) - plain == pytest.approx(each, rel=1e-9)
    assert each != pytest.approx(0.0, abs=1e-3)
