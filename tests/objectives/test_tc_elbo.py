import math

import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam
from torch import nn

from pyro_seatbelt import presets
from pyro_seatbelt.objectives import TraceTC_ELBO

SHAPE = (1, 8, 8)
NUM_DATA = 60
GUIDES = ["bottom-up", "bottom-up-x", "top-down"]


def family(name="seatbelt", **options):
    options = {"network": "mlp", "image_shape": SHAPE, "num_data": NUM_DATA, **options}
    torch.manual_seed(0)
    return presets.build(name, latent_dim=3, hidden=16, **options)


def double(pair):
    return pair.model.double(), pair.guide.double()


def images(count=12, dtype=torch.float64):
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=dtype)


PARTICLES = {
    "1": {},
    "3": {"num_particles": 3},
    "3 vectorised": {"num_particles": 3, "vectorize_particles": True, "max_plate_nesting": 1},
}


@pytest.mark.parametrize("particles", PARTICLES)
@pytest.mark.parametrize("guide", GUIDES)
@pytest.mark.parametrize("layers", [1, 2, 4])
def test_telescopes_to_trace_elbo(layers, guide, particles, assert_same_bound):
    model, guide = double(family(layers=layers, beta=1.0, guide=guide))
    options = PARTICLES[particles]
    ours = TraceTC_ELBO(f"z{layers}", **options)
    assert_same_bound((ours, model, guide), (Trace_ELBO(**options), model, guide), images())


class WrittenOut(Trace_ELBO):
    """Eq 10 in plain tensors (for one layer the loss of Chen et al.), with every pair in memory."""

    def __init__(self, layers, beta, *, scale=1.0):
        super().__init__()
        self.layers, self.beta, self.scale = layers, beta, scale

    def _differentiable_loss_particle(self, model_trace, guide_trace):
        def log_normal(value, fn):
            u = (value - fn.base_dist.loc) / fn.base_dist.scale
            return -0.5 * (u**2 + math.log(2 * math.pi)) - fn.base_dist.scale.log()

        q, p = guide_trace.nodes, model_trace.nodes
        x, logits = p["x"]["value"], p["x"]["fn"].base_dist.logits
        bound = self.scale * (
            x * logits.sigmoid().log() + (1 - x) * (1 - logits.sigmoid()).log()
        ).sum((1, 2, 3))
        for i in range(1, self.layers):
            z = q[f"z{i}"]["value"]
            bound = bound - log_normal(z, q[f"z{i}"]["fn"]).sum(1)
            bound = bound + self.scale * log_normal(z, p[f"z{i}"]["fn"]).sum(1)
        top = q[f"z{self.layers}"]
        z, batch = top["value"], len(x)
        pairs = log_normal(z[:, None], top["fn"])  # (M, M, D)
        log_qz = pairs.sum(2).logsumexp(1) - math.log(NUM_DATA * batch)
        log_product = (pairs.logsumexp(1) - math.log(NUM_DATA * batch)).sum(1)
        log_pz = (-0.5 * (z**2 + math.log(2 * math.pi))).sum(1)
        bound = bound - (log_normal(z, top["fn"]).sum(1) - self.scale * log_qz)
        bound = bound - self.scale * self.beta * (log_qz - log_product)
        bound = bound - self.scale * (log_product - log_pz)
        loss = -bound.sum() * NUM_DATA / batch
        return loss.item(), loss


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("beta", [0.0, 6.0])
def test_the_loss_is_equation_10(layers, beta, assert_same_bound):
    model, guide = double(family(layers=layers, beta=beta))
    ours = TraceTC_ELBO(f"z{layers}", beta=beta)
    assert_same_bound((ours, model, guide), (WrittenOut(layers, beta), model, guide), images())


class Scaled(nn.Module):
    def __init__(self, program):
        super().__init__()
        self.program = program

    def forward(self, x):
        return poutine.scale(self.program, 0.3)(x)


def test_a_scale_on_the_model_weighs_the_aggregate(assert_same_bound):
    pair = double(family(layers=2, beta=6.0))
    model, guide = Scaled(pair[0]), pair[1]
    written_out = WrittenOut(2, 6.0, scale=0.3)
    assert_same_bound(
        (TraceTC_ELBO("z2", beta=6.0), model, guide), (written_out, model, guide), images()
    )


def test_one_image_has_a_loss_and_a_report_without_the_parts():
    model, guide = double(family("beta-tcvae"))
    reports = []
    elbo = TraceTC_ELBO("z1")
    with elbo.observing(reports.append):
        loss = elbo.loss(model, guide, images(1))
    assert math.isnan(reports[0].total_correlation)
    assert reports[0].objective == pytest.approx(-loss / NUM_DATA)


def test_the_parts_add_up_without_weights():
    """The sum of `terms`, not only the loss, is the ELBO of Trace_ELBO."""
    model, guide = double(family(layers=3, beta=6.0))
    elbo = TraceTC_ELBO("z3", beta=6.0)
    pyro.set_rng_seed(3)
    with pyro.settings.context(module_local_params=True):
        terms = elbo.terms(*next(iter(elbo._get_traces(model, guide, (images(),), {}))))
        pyro.set_rng_seed(3)
        reference = -Trace_ELBO().loss(model, guide, images())
    assert terms.elbo.item() == pytest.approx(reference, rel=1e-12)
    assert terms.num_images == pytest.approx(NUM_DATA)
    top = terms.mutual_information + terms.total_correlation + terms.dimension_wise_kl
    assert top.item() == pytest.approx(terms.kl["z3"].item(), rel=1e-9)
    assert sum(v for k, v in terms.kl.items() if k != "z3").item() == pytest.approx(
        terms.lower_kl.item()
    )


def test_subsample_stands_for_the_data_set():
    """The loss of a minibatch is scaled by N / M, as in Pyro."""
    model, guide = double(family(layers=1, beta=1.0))
    elbo = TraceTC_ELBO("z1")
    losses = []
    for size in (NUM_DATA, 2 * NUM_DATA):
        model.num_data = guide.num_data = size
        pyro.set_rng_seed(0)
        losses.append(elbo.loss(model, guide, images()))
    assert losses[1] == pytest.approx(2 * losses[0])


@pytest.mark.parametrize("layers", [1, 3])
def test_one_layer_seatbelt_is_beta_tcvae_and_beta_one_is_a_dlgm_with_skips(
    layers, assert_same_bound
):
    if layers == 1:
        one, other = family("seatbelt", layers=1, beta=6.0), family("beta-tcvae", beta=6.0)
        ours = [pair.objective for pair in (one, other)]
    else:
        one = other = family("seatbelt", layers=layers, beta=1.0)
        ours = [one.objective, Trace_ELBO()]  # a DLGM's bound
    pairs = [double(pair) for pair in (one, other)]
    assert_same_bound((ours[0], *pairs[0]), (ours[1], *pairs[1]), images())


class BetaVAE(Trace_ELBO):
    """The objective of Higgins et al., written out: likelihood minus b times the whole KL."""

    def __init__(self, b):
        super().__init__()
        self.b = b

    def _differentiable_loss_particle(self, model_trace, guide_trace):
        z = guide_trace.nodes["z1"]
        kl = z["log_prob_sum"] - model_trace.nodes["z1"]["log_prob_sum"]
        loss = -model_trace.nodes["x"]["log_prob_sum"] + self.b * kl
        return loss.item(), loss


def test_equal_weights_are_a_beta_vae(assert_same_bound):
    pair = family("beta-vae", beta=3.5)
    assert (pair.objective.alpha, pair.objective.beta, pair.objective.gamma) == (3.5, 3.5, 3.5)
    model, guide = double(pair)
    assert_same_bound((pair.objective, model, guide), (BetaVAE(3.5), model, guide), images())


class WarmedUp(Trace_ELBO):
    """Eq 17 of Sønderby et al.: the whole KL, weighed."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def _differentiable_loss_particle(self, model_trace, guide_trace):
        kl = guide_trace.log_prob_sum() - model_trace.log_prob_sum(lambda name, _: name != "x")
        loss = self.weight * kl - model_trace.nodes["x"]["log_prob_sum"]
        return loss.item(), loss


def test_four_equal_weights_are_a_warm_up_of_every_layer(assert_same_bound):
    model, guide = double(family("ladder-vae", layers=3, guide=None))
    ours = TraceTC_ELBO("z3", alpha=0.3, beta=0.3, gamma=0.3, lower=0.3)
    assert_same_bound((ours, model, guide), (WarmedUp(0.3), model, guide), images())
    reports = []
    with ours.observing(reports.append):
        loss = ours.loss(model, guide, images())
    assert reports[0].objective == pytest.approx(-loss / NUM_DATA)


def test_beta_is_annealed_by_assignment():
    pair = family("beta-tcvae", beta=1.0)
    model, guide = double(pair)
    losses = []
    for beta in (1.0, 2.0, 3.0):
        pair.objective.beta = beta
        pyro.set_rng_seed(0)
        losses.append(pair.objective.loss(model, guide, images()))
    assert losses[1] != pytest.approx(losses[0])
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0])


def test_weighted_sampling_is_a_constant_away_from_stratified_at_weights_one():
    """Same value of the bound at weights 1; other values of its parts, by multiples of log N."""
    model, guide = double(family("beta-tcvae", beta=1.0))
    elbo = TraceTC_ELBO("z1")
    with pyro.settings.context(module_local_params=True):
        traces = next(iter(elbo._get_traces(model, guide, (images(),), {})))
    mws, mss = (elbo.terms(*traces, estimator=e) for e in ("mws", "mss"))
    assert mws.elbo.item() == pytest.approx(mss.elbo.item())
    gap = (mws.total_correlation - mss.total_correlation).item() / NUM_DATA
    assert gap == pytest.approx(2 * math.log(NUM_DATA), rel=0.2)


def test_free_bits_zero_is_the_bound_and_a_floor_is_a_slow_sum(assert_same_bound):
    model, guide = double(family(layers=3, beta=6.0))
    floor = 0.4
    plain = TraceTC_ELBO("z3", beta=6.0)
    floored = TraceTC_ELBO("z3", beta=6.0, free_bits=floor)
    assert_same_bound(
        (plain, model, guide), (TraceTC_ELBO("z3", beta=6.0, free_bits=0.0), model, guide), images()
    )
    pyro.set_rng_seed(3)
    with pyro.settings.context(module_local_params=True):
        model_trace, guide_trace = next(iter(plain._get_traces(model, guide, (images(),), {})))
        terms = plain.terms(model_trace, guide_trace)
    slow = 0.0
    for name in ("z1", "z2", "z3"):
        q, p = guide_trace.nodes[name], model_trace.nodes[name]
        log_ratio = q["fn"].base_dist.log_prob(q["value"]) - p["fn"].base_dist.log_prob(q["value"])
        slow += sum(max(floor, log_ratio[:, d].mean().item()) for d in range(3))
    slow += (plain.beta - 1) * terms.total_correlation.item() / NUM_DATA
    slow -= terms.log_likelihood.item() / NUM_DATA
    pyro.set_rng_seed(3)
    assert floored.loss(model, guide, images()) / NUM_DATA == pytest.approx(slow, rel=1e-9)


def test_a_dimension_below_its_floor_has_no_kl_gradient(value_and_gradient):
    model, guide = double(family("vae"))
    everything_free = TraceTC_ELBO("z1", free_bits=1e6)

    class LikelihoodAlone(Trace_ELBO):
        def _differentiable_loss_particle(self, model_trace, guide_trace):
            loss = -model_trace.nodes["x"]["log_prob_sum"]
            return loss.item(), loss

    _, gradient = value_and_gradient(everything_free, model, guide, images())
    _, expected = value_and_gradient(LikelihoodAlone(), model, guide, images())
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("options", [{}, {"free_bits": 0.2}, {"analytic_entropy": True}])
def test_reports_are_stratified_numbers_per_image(options):
    model, guide = double(family(layers=2))
    elbo = TraceTC_ELBO("z2", beta=6.0, num_particles=2, **options)
    reports = []
    with elbo.observing(reports.append):
        loss = elbo.loss(model, guide, images())
    elbo.loss(model, guide, images())
    assert len(reports) == 2
    mean = sum(report.objective for report in reports) / 2
    mss = TraceTC_ELBO("z2", beta=6.0, estimator="mss", num_particles=2, **options)
    again = []
    pyro.set_rng_seed(5)
    with mss.observing(again.append):
        loss = mss.loss(model, guide, images())
    assert -loss / NUM_DATA == pytest.approx(sum(r.objective for r in again) / 2)
    assert mean == pytest.approx(-loss / NUM_DATA, rel=0.2)
    report = again[0]
    top = report.mutual_information + report.total_correlation + report.dimension_wise_kl
    assert top == pytest.approx(report.kl["z2"])
    assert report.elbo == pytest.approx(report.log_likelihood - sum(report.kl.values()))


def test_trains_under_svi_and_under_a_torch_optimizer():
    """Both ways move every parameter that matters, and the same way: same loss, one step each."""
    x = images(dtype=torch.float32) ** 8  # dark: something to learn at once
    pair = family(layers=2)
    svi = SVI(pair.model, pair.guide, Adam({"lr": 1e-3}), pair.objective)
    pyro.set_rng_seed(4)
    first = svi.step(x)
    moved = {n: p.detach().clone() for n, p in pair.model.named_parameters()}
    for _ in range(30):
        last = svi.step(x)
    assert last < 0.9 * first
    pair = family(layers=2)
    with pyro.settings.context(module_local_params=True):
        loss_module = pair.objective(pair.model, pair.guide)
        optimizer = torch.optim.Adam(loss_module.parameters(), lr=1e-3)
        pyro.set_rng_seed(4)
        loss = loss_module(x)
        loss.backward()
        optimizer.step()
    assert loss.item() == pytest.approx(first, rel=1e-6)
    for name, parameter in pair.model.named_parameters():
        torch.testing.assert_close(parameter.detach(), moved[name])


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma", "lower", "free_bits"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_messages_of_the_constructor(name, value):
    with pytest.raises(ValueError, match=f"expected {name} >= 0 and finite, got"):
        TraceTC_ELBO("z", **{name: value})


def test_unknown_estimator():
    with pytest.raises(ValueError, match="unknown estimator 'iwae': choose from mws, mss"):
        TraceTC_ELBO("z", estimator="iwae")
