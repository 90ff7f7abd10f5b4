from itertools import pairwise

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from torch import nn
from torch.distributions import kl_divergence

from pyro_seatbelt.attacks import LatentKL, LatentL2, LatentW2, Output
from pyro_seatbelt.attacks.draws import Draws
from pyro_seatbelt.attacks.objectives import gaussian_kl
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.frozen_noise import FrozenNoise, frozen_noise

EVERY = [
    LatentKL(),
    LatentKL("top"),
    LatentKL("base"),
    LatentKL(estimator="samples"),
    LatentW2(),
    LatentW2(estimator="samples"),
    LatentL2("means"),
    LatentL2("draws", layers=["z2"]),
    Output(),
]


def name(objective):
    return f"{objective.name}-{objective.layers}-{getattr(objective, 'estimator', '')}"


def bind(objective, model, guide, x, target, *, samples=1, problems=None, seed=0):
    pair = read_pair(model, guide, x, objective.layers)
    problems = range(len(x)) if problems is None else problems
    draws = Draws(1, None) if samples == 0 else Draws.frozen(problems, samples, seed=seed)
    return objective.bind(pair, target, draws)


@pytest.fixture
def chain(pairs):
    model, guide = pairs.ChainModel().double().eval(), pairs.ChainGuide().double().eval()
    return model, guide, pairs.images(5, 1).double(), pairs.images(5, 2).double()


@pytest.mark.parametrize("samples", [0, 1, 3])
@pytest.mark.parametrize("objective", EVERY, ids=name)
def test_frozen_objective_is_deterministic_to_the_last_bit(chain, objective, samples):
    model, guide, x, target = chain
    distance = bind(objective, model, guide, x, target, samples=samples)
    rows = torch.arange(5)
    first = distance(x, rows)
    torch.rand(7)  # the global generator plays no part
    assert torch.equal(first, distance(x, rows))
    again = bind(objective, model, guide, x, target, samples=samples)
    assert torch.equal(first, again(x, rows))
    if samples and objective.name != "latent-l2":
        other = bind(objective, model, guide, x, target, samples=samples, seed=1)
        assert objective.layers == "base" or not torch.equal(first, other(x, rows))


@pytest.mark.parametrize("samples", [0, 2])
@pytest.mark.parametrize("objective", EVERY, ids=name)
def test_gradient_agrees_with_finite_differences(chain, objective, samples):
    model, guide, x, target = chain
    distance = bind(objective, model, guide, x, target, samples=samples)
    rows = torch.arange(5)
    inputs = x.clone().requires_grad_()
    values = distance(inputs, rows)
    assert values.shape == (5,)
    (gradient,) = torch.autograd.grad(values.sum(), inputs)
    generator = torch.Generator().manual_seed(4)
    for _ in range(3):
        direction = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        step = 1e-6 * direction
        slope = (distance(x + step, rows) - distance(x - step, rows)) / 2e-6
        torch.testing.assert_close(
            slope, (gradient * direction).flatten(1).sum(1), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("objective", EVERY, ids=name)
def test_problems_do_not_depend_on_who_shares_the_batch(chain, objective):
    model, guide, x, target = chain
    distance = bind(objective, model, guide, x, target, samples=2)
    together = distance(x, torch.arange(5))
    some = torch.tensor([3, 0, 3])
    torch.testing.assert_close(distance(x[some], some), together[some], rtol=1e-12, atol=1e-13)
    # the noise belongs to the problem's number, wherever the problem stands
    alone = bind(objective, model, guide, x[3:4], target[3:4], samples=2, problems=[3])
    torch.testing.assert_close(
        alone(x[3:4], torch.tensor([0])), together[3:4], rtol=1e-12, atol=1e-13
    )
    inputs = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance(inputs, torch.arange(5))[2], inputs)
    assert bool((gradient[[0, 1, 3, 4]] == 0).all())
    assert bool((gradient[2] != 0).any())


@pytest.mark.parametrize("objective", [o for o in EVERY if o.name != "output"], ids=name)
def test_latent_distances_vanish_at_the_target_and_nowhere_else(chain, objective):
    model, guide, x, target = chain
    distance = bind(objective, model, guide, x, target, samples=2)
    at_target = target.clone().requires_grad_()
    values = distance(at_target, torch.arange(5))
    torch.testing.assert_close(values, torch.zeros_like(values), rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad(values.sum(), at_target)
    assert bool(gradient.isfinite().all())
    if getattr(objective, "estimator", "") != "samples":
        assert bool((distance(x, torch.arange(5)) > 1e-3).all())


def test_gaussian_kl_agrees_with_torch_and_keeps_its_digits():
    generator = torch.Generator().manual_seed(0)
    a, b, c, d = torch.randn(4, 6, 3, generator=generator, dtype=torch.float64)
    p, q = dist.Normal(a, b.exp()), dist.Normal(c, d.exp())
    torch.testing.assert_close(
        gaussian_kl(a, b.exp(), c, d.exp()), kl_divergence(p, q).sum(1), rtol=1e-12, atol=0
    )
    scale = torch.tensor([[1.0]])
    near = gaussian_kl(scale * 0, scale * (1 + 1e-3), scale * 0, scale)
    exact = gaussian_kl(*(t.double() for t in (scale * 0, scale * (1 + 1e-3), scale * 0, scale)))
    assert near.item() == pytest.approx(exact.item(), rel=1e-3)


def test_base_layer_needs_no_draw_and_layers_add_up(chain):
    model, guide, x, target = chain
    rows = torch.arange(5)

    def values(layers, seed=0):
        return bind(LatentKL(layers), model, guide, x, target, seed=seed)(x, rows)

    torch.testing.assert_close(values("all"), values("base") + values("top"))
    assert torch.equal(values("base"), values(["z1"], seed=5))
    assert torch.equal(values("top"), values(["z2"]))
    guide_trace = poutine.trace(guide).get_trace(x)
    target_trace = poutine.trace(guide).get_trace(target)
    expected = kl_divergence(guide_trace.nodes["z1"]["fn"], target_trace.nodes["z1"]["fn"])
    torch.testing.assert_close(values("base"), expected)


def test_means_are_propagated_through_the_layers(chain):
    model, guide, x, target = chain
    found = bind(LatentL2(layers="top"), model, guide, x, target, samples=0)(x, torch.arange(5))

    def top(images):
        loc = guide.heads[0](guide.encoder(images)).chunk(2, -1)[0]
        return guide.heads[1](loc).chunk(2, -1)[0]

    torch.testing.assert_close(found, (top(x) - top(target)).norm(dim=1))


def test_wasserstein_distance_of_gaussians(chain):
    model, guide, x, target = chain
    rows = torch.arange(5)
    closed = bind(LatentW2("base"), model, guide, x, target)(x, rows)
    q, p = (poutine.trace(guide).get_trace(i).nodes["z1"]["fn"].base_dist for i in (x, target))
    quantiles = (torch.arange(200_000, dtype=x.dtype) + 0.5) / 200_000
    normal = dist.Normal(x.new_zeros(()), 1.0).icdf(quantiles)
    transport = (q.loc - p.loc) + (q.scale - p.scale) * normal[:, None, None]
    torch.testing.assert_close(closed, transport.square().mean(0).sum(1).sqrt(), rtol=1e-4, atol=0)
    sampled = bind(LatentW2("base", estimator="samples"), model, guide, x, target, samples=4000)
    torch.testing.assert_close(sampled(x, rows), closed, rtol=0.05, atol=0)


def test_sampled_divergence_is_unbiased(chain):
    model, guide, x, target = chain
    rows = torch.arange(5)
    sampled = LatentKL("base", estimator="samples")
    found = bind(sampled, model, guide, x, target, samples=5000)(x, rows)
    exact = bind(LatentKL("base"), model, guide, x, target)(x, rows)
    torch.testing.assert_close(found, exact, rtol=0.2, atol=0.2)


def test_output_is_the_negative_bound_of_the_target(chain):
    model, guide, x, target = chain
    x, target = x[:1], target[:1]
    samples = 20_000
    found = bind(Output(), model, guide, x, target, samples=samples)(x, torch.arange(1)).item()
    # the bound over fresh draws, with the guide reading x and the model explaining the target
    many_x, many_target = x.expand(samples, -1, -1, -1), target.expand(samples, -1, -1, -1)
    guide_trace = poutine.trace(guide).get_trace(many_x)
    model_trace = poutine.trace(poutine.replay(model, trace=guide_trace)).get_trace(many_target)
    per_image = samples / 1000  # the plate stands for 1000 images
    bound = (model_trace.log_prob_sum() - guide_trace.log_prob_sum()) * per_image / samples
    assert found == pytest.approx(-bound.item(), rel=0.01)


def test_output_on_itself_is_pyros_loss(chain):
    model, guide, x, _ = chain
    ours = bind(Output(), model, guide, x, x)(x, torch.arange(5)).mean()
    frozen = frozen_noise(guide, FrozenNoise(range(5)), range(5))
    theirs = Trace_ELBO().differentiable_loss(model, frozen, x) / 1000
    torch.testing.assert_close(ours, theirs)


def test_output_with_one_layer_has_the_closed_form_divergence(pairs):
    model, guide = pairs.ChainModel(1).double().eval(), pairs.ChainGuide(1).double().eval()
    x, target = pairs.images(3, 1).double(), pairs.images(3, 2).double()
    found = bind(Output(), model, guide, x, target)(x, torch.arange(3))
    pair = read_pair(model, guide, x)
    trace = pair.trace_guide(x, Draws.frozen(range(3), 1, seed=0), torch.arange(3))
    posterior, z = trace.nodes["z1"]["fn"], trace.nodes["z1"]["value"]
    prior = dist.Normal(torch.zeros_like(z), 1.0).to_event(1)
    image = model.decoder(z).view(-1, 1, 4, 4).sigmoid()
    log_likelihood = dist.Normal(image, 0.3).to_event(3).log_prob(target)
    torch.testing.assert_close(found, kl_divergence(posterior, prior) - log_likelihood)


def test_gradient_steps_of_the_output_attack_raise_the_targets_likelihood(chain):
    model, guide, x, target = chain
    distance = bind(Output(), model, guide, x, target, samples=4)
    values = []
    point = x.clone()
    for _ in range(5):
        point.requires_grad_()
        value = distance(point, torch.arange(5))
        (gradient,) = torch.autograd.grad(value.sum(), point)
        point = (point - 1e-3 * gradient).detach()
        values.append(value.sum().item())
    assert all(later < earlier for earlier, later in pairwise(values))


class ScaledModel(nn.Module):
    def __init__(self, inner, scale, mask):
        super().__init__()
        self.inner, self.scale, self.mask = inner, scale, mask

    def forward(self, x):
        with poutine.scale(scale=self.scale), poutine.mask(mask=self.mask):
            return self.inner(x)


def test_scale_and_mask_of_the_model_count(chain):
    model, guide, x, target = chain
    rows = torch.arange(5)
    plain = bind(Output(), model, guide, x, target)(x, rows)
    masked = bind(Output(), ScaledModel(model, 1.0, False), guide, x, target)(x, rows)
    doubled = bind(Output(), ScaledModel(model, 2.0, True), guide, x, target)(x, rows)
    torch.testing.assert_close(doubled - masked, 2 * (plain - masked))
    assert not torch.equal(plain, masked)


# Pairs that are not ours


def test_laplace_posteriors_use_the_registered_divergence(pairs):
    guide = pairs.ChainGuide(2, family=dist.Laplace).double().eval()
    model = pairs.ChainModel(2).double().eval()
    x, target = pairs.images(4, 1).double(), pairs.images(4, 2).double()
    rows = torch.arange(4)
    found = bind(LatentKL("base"), model, guide, x, target)(x, rows)
    q, p = (poutine.trace(guide).get_trace(i).nodes["z1"]["fn"] for i in (x, target))
    torch.testing.assert_close(found, kl_divergence(q, p))
    assert bool((bind(LatentKL(), model, guide, x, target, samples=2)(x, rows) > found).all())
    assert bind(LatentL2(), model, guide, x, target)(x, rows).shape == (4,)
    assert bind(Output(), model, guide, x, target)(x, rows).shape == (4,)
    with pytest.raises(InputError, match=r"not for Independent\(Laplace, 1\).*estimator='samples'"):
        bind(LatentW2(), model, guide, x, target)(x, rows)


def test_family_without_a_registered_divergence(pairs):
    def student(loc, scale):
        return dist.StudentT(5 * torch.ones_like(loc), loc, scale)

    guide = pairs.ChainGuide(1, family=student).double().eval()
    x, target = pairs.images(4, 1).double(), pairs.images(4, 2).double()
    rows = torch.arange(4)
    with pytest.raises(InputError, match=r"no KL divergence is registered.*StudentT.*register_kl"):
        bind(LatentKL(), None, guide, x, target)(x, rows)
    sampled = LatentKL(estimator="samples")
    distance = bind(sampled, None, guide, x, target, samples=50)
    assert torch.equal(distance(x, rows), distance(x, rows))
    assert bool(distance(x, rows).isfinite().all())


def test_tutorial_vae_with_bound_methods(pairs):
    vae = pairs.TutorialVAE().train()
    x, target = pairs.images(4, 1), pairs.images(4, 2)
    for objective in (LatentKL(), Output()):
        distance = bind(objective, vae.model, vae.guide, x, target)
        assert distance(x, torch.arange(4)).shape == (4,)


def test_plates_of_other_names_are_found(pairs):
    model, guide = (
        pairs.ChainModel(plate="photos").eval(),
        pairs.ChainGuide(plate="pictures").eval(),
    )
    x, target = pairs.images(4, 1), pairs.images(4, 2)
    pair = read_pair(model, guide, x)
    assert (pair.plate, pair.model_plate) == ("pictures", "photos")
    named = bind(Output(), model, guide, x, target)(x, torch.arange(4))
    usual = bind(Output(), pairs.ChainModel().eval(), pairs.ChainGuide().eval(), x, target)(
        x, torch.arange(4)
    )
    torch.testing.assert_close(named, usual)


def test_extra_plate_is_summed_within_a_row():
    weight = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))

    def guide(x):
        with pyro.plate("data", len(x), dim=-1), pyro.plate("parts", 2, dim=-2):
            loc = weight @ x.flatten(1).T
            pyro.sample("z", dist.Normal(loc, 1.0))

    x, target = torch.rand(2, 5, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    found = bind(LatentKL(), None, guide, x, target)(x, torch.arange(5))
    difference = (weight @ (x - target).flatten(1).T).T
    torch.testing.assert_close(found, 0.5 * difference.square().sum(1))


def loc_of(x):
    return x.flatten(1)[:, :3]


def no_plate(x):
    pyro.sample("z", dist.Normal(loc_of(x), 1.0).to_event(1))


def outside(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Normal(loc_of(x), 1.0).to_event(1))
    pyro.sample("w", dist.Normal(0.0, 1.0))


def discrete(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Bernoulli(loc_of(x)).to_event(1))


def point(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Delta(loc_of(x), event_dim=1))


def nothing(x):
    pass


def prior(x):
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(torch.zeros(len(x), 3), 1.0).to_event(1))
        pyro.sample("x", dist.Normal(z.sum(1), 1.0), obs=x.flatten(1).sum(1))


@pytest.mark.parametrize(
    ("guide", "layers", "message"),
    [
        (outside, "all", "site 'w' is not inside a vectorised plate 'data'"),
        (no_plate, "all", r"expected one vectorised plate of the guide.*found 0 \(plates: none\)"),
        (discrete, "all", r"site 'z': Independent\(Bernoulli, 1\) has no rsample"),
        (point, "all", "site 'z' holds a Delta, as autoguides such as AutoNormal.*write a guide"),
        (outside, ["q"], "no latent site 'q': choose among z, w, or all, top, base"),
        (outside, "top", "layers='top' needs the model"),
        (outside, [], "expected one layer or more, got none"),
        (nothing, "all", "expected one vectorised plate|no latent site"),
    ],
)
def test_pairs_that_cannot_be_attacked(guide, layers, message):
    with pytest.raises(InputError, match=message):
        read_pair(None, guide, torch.rand(4, 1, 4, 4), layers)


def test_site_outside_the_plate_may_be_there_if_it_is_not_attacked():
    pair = read_pair(None, outside, torch.rand(4, 1, 4, 4), ["z"])
    assert pair.layers == ("z",)


def test_autonormal_is_refused_with_the_way_out():
    guide = pyro.infer.autoguide.AutoNormal(prior)
    with pytest.raises(InputError, match=r"AutoNormal.*pyro.sample\('z', dist.Normal"):
        read_pair(prior, guide, torch.rand(4, 1, 4, 4))


def test_model_site_without_posterior():
    def model(x):
        with pyro.plate("data", len(x)):
            pyro.sample("v", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(0.0, 1.0), obs=x.flatten(1).sum(1))

    with pytest.raises(InputError, match="model site 'v' has no posterior"):
        read_pair(model, amortised, torch.rand(4, 1, 4, 4))


def amortised(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Normal(loc_of(x), 1.0).to_event(1))


def test_images_of_the_wrong_size(pairs):
    with pytest.raises(InputError, match=r"guide cannot run on 2 images of shape \(1, 5, 5\)"):
        read_pair(None, pairs.ChainGuide(), torch.rand(4, 1, 5, 5))


def test_layers_are_ordered_by_the_model(pairs):
    def top_down(x):
        with pyro.plate("data", len(x)):
            for site in ("z3", "z2", "z1"):
                pyro.sample(site, dist.Normal(loc_of(x), 1.0).to_event(1))

    x = torch.rand(4, 1, 4, 4)
    model = pairs.ChainModel(3)
    assert read_pair(model, top_down, x).latents == ("z1", "z2", "z3")
    assert read_pair(model, top_down, x, "top").layers == ("z3",)
    assert read_pair(model, top_down, x, "base").layers == ("z1",)


def test_looking_at_a_pair_leaves_the_generator_alone(chain):
    model, guide, x, _ = chain
    before = torch.get_rng_state()
    read_pair(model, guide, x)
    assert torch.equal(before, torch.get_rng_state())


def test_bad_choices():
    with pytest.raises(InputError, match="'means' or 'draws', got 'modes'"):
        LatentL2("modes")
