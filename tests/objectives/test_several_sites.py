"""Several decomposed sites with weights of their own, floors by site, plates that are found."""

import math

import pyro
import pyro.distributions as dist
import pytest
import torch

from pyro_seatbelt import presets
from pyro_seatbelt.objectives import TraceTC_ELBO, Weights

NUM_DATA, SHAPE = 60, (1, 4, 4)


def family(layers=3):
    torch.manual_seed(0)
    made = presets.build(
        *("seatbelt",),
        layers=layers,
        latent_dim=3,
        hidden=8,
        features=16,
        network="mlp",
        image_shape=SHAPE,
        num_data=NUM_DATA,
    )
    return made.model.double(), made.guide.double()


X = torch.rand(8, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def traces(elbo, model, guide):
    pyro.set_rng_seed(3)
    with pyro.settings.context(module_local_params=True):
        return next(iter(elbo._get_traces(model, guide, (X,), {})))


def loss(latent, pair, **options):
    pyro.set_rng_seed(3)
    return TraceTC_ELBO(latent, **options).loss(*pair, X)


def test_one_site_by_weights_is_one_site_by_name(assert_same_bound):
    pair = family()
    by_name = TraceTC_ELBO("z3", alpha=0.5, beta=4.0, gamma=2.0, free_bits=0.1)
    by_weights = TraceTC_ELBO({"z3": Weights(0.5, 4.0, 2.0)}, free_bits=0.1)
    assert_same_bound((by_weights, *pair), (by_name, *pair), X)


def test_each_site_is_weighed_by_its_own_slow_sum():
    pair = family()
    plain = TraceTC_ELBO("z3")
    model_trace, guide_trace = traces(plain, *pair)
    expected = loss("z3", pair)
    weights = {"z1": Weights(beta=4.0), "z3": Weights(alpha=0.5, beta=6.0, gamma=2.0)}
    for name, each in weights.items():
        q, p = guide_trace.nodes[name], model_trace.nodes[name]
        fn, z = q["fn"].base_dist, q["value"]
        pairs = torch.stack(
            [dist.Normal(fn.loc[j], fn.scale[j]).log_prob(z) for j in range(len(X))], 1
        )
        constant = math.log(NUM_DATA * len(X))
        joint = pairs.sum(-1).logsumexp(1) - constant
        product = (pairs.logsumexp(1) - constant).sum(-1)
        mi, tc = q["fn"].log_prob(z) - joint, joint - product
        dwkl = product - p["fn"].log_prob(z)
        parts = (each.alpha - 1) * mi + (each.beta - 1) * tc + (each.gamma - 1) * dwkl
        expected += parts.sum().item() * NUM_DATA / len(X)
    assert loss(weights, pair) == pytest.approx(expected, rel=1e-10)


def test_terms_and_reports_have_the_parts_of_all_sites():
    pair, weights = family(), {"z1": Weights(beta=4.0), "z3": Weights(beta=6.0)}
    elbo = TraceTC_ELBO(weights, estimator="mss")
    terms = elbo.terms(*traces(elbo, *pair))
    assert list(terms.parts) == ["z1", "z3"]
    total = terms.parts["z1"].total_correlation + terms.parts["z3"].total_correlation
    assert terms.total_correlation.item() == pytest.approx(total.item())
    assert terms.elbo.item() == pytest.approx(-loss("z3", pair), rel=1e-10)
    assert terms.lower_kl.item() == pytest.approx(terms.kl["z2"].item())
    reports = []
    pyro.set_rng_seed(3)
    with elbo.observing(reports.append):
        value = elbo.loss(*pair, X)
    assert reports[0].objective == pytest.approx(-value / NUM_DATA)
    assert reports[0].elbo == pytest.approx(-loss("z3", pair) / NUM_DATA)


def test_weights_are_annealed_by_assignment():
    pair = family()
    elbo = TraceTC_ELBO({"z1": Weights(), "z3": Weights()})
    plain = loss("z3", pair)
    pyro.set_rng_seed(3)
    assert elbo.loss(*pair, X) == pytest.approx(plain, rel=1e-12)
    elbo.weights = {"z1": Weights(beta=2.0), "z3": Weights()}
    pyro.set_rng_seed(3)
    assert elbo.loss(*pair, X) == pytest.approx(loss("z1", pair, beta=2.0), rel=1e-12)
    with pytest.raises(ValueError, match="expected beta of 'z1' >= 0"):
        elbo.weights = {"z1": Weights(beta=-2.0)}
    one = TraceTC_ELBO("z3")
    one.beta = 3.0
    assert one.weights == {"z3": Weights(beta=3.0)}
    assert (one.latent, elbo.latent) == ("z3", "z3")


def test_a_floor_is_under_the_chosen_sites_alone():
    pair, floor = family(), 0.7
    plain, everywhere = loss("z3", pair), loss("z3", pair, free_bits=floor)
    each = [loss("z3", pair, free_bits={name: floor}) - plain for name in ("z1", "z2", "z3")]
    assert sum(each) == pytest.approx(everywhere - plain, rel=1e-9)
    assert all(missing > 0 for missing in each)
    assert loss("z3", pair, free_bits={}) == loss("z3", pair, free_bits={"z1": 0.0}) == plain


def steps(x, latent, names=("time", "rows")):
    with pyro.plate(names[0], 2, dim=-1), pyro.plate(names[1], 30, subsample=x, dim=-2):
        z = pyro.sample("z", dist.Normal(x[:, None] * latent, 1.0).expand([6, 2, 3]).to_event(1))
        if not latent:
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x[:, None].expand(-1, 2, -1))


@pytest.mark.parametrize("particles", [{}, {"num_particles": 2, "vectorize_particles": True}])
def test_the_plate_is_found_or_named(particles):
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    losses = []
    for names, plate in ((("time", "rows"), "rows"), (("time", "data"), None)):
        elbo = TraceTC_ELBO("z", beta=3.0, plate=plate, **particles)
        pyro.set_rng_seed(0)
        losses.append(
            elbo.loss(lambda x, n=names: steps(x, 0, n), lambda x, n=names: steps(x, 1, n), x)
        )
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
