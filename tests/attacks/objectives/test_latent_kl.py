import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from torch.distributions import kl_divergence

from pyro_seatbelt.attacks import LatentKL, LatentL2, LatentW2, Output
from pyro_seatbelt.attacks.objectives.latent_kl import gaussian_kl
from pyro_seatbelt.errors import InputError


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


def test_base_layer_needs_no_draw_and_layers_add_up(bind, chain):
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


def test_sampled_divergence_is_unbiased(bind, chain):
    model, guide, x, target = chain
    rows = torch.arange(5)
    sampled = LatentKL("base", estimator="samples")
    found = bind(sampled, model, guide, x, target, samples=5000)(x, rows)
    exact = bind(LatentKL("base"), model, guide, x, target)(x, rows)
    torch.testing.assert_close(found, exact, rtol=0.2, atol=0.2)


def test_laplace_posteriors_use_the_registered_divergence(bind, pairs):
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


def test_family_without_a_registered_divergence(bind, pairs):
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


def test_extra_plate_is_summed_within_a_row(bind):
    weight = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))

    def guide(x):
        with pyro.plate("data", len(x), dim=-1), pyro.plate("parts", 2, dim=-2):
            loc = weight @ x.flatten(1).T
            pyro.sample("z", dist.Normal(loc, 1.0))

    x, target = torch.rand(2, 5, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    found = bind(LatentKL(), None, guide, x, target)(x, torch.arange(5))
    difference = (weight @ (x - target).flatten(1).T).T
    torch.testing.assert_close(found, 0.5 * difference.square().sum(1))
