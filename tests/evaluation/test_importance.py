import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO

from pyro_seatbelt import presets
from pyro_seatbelt.data import ResidentImages, to_pixels
from pyro_seatbelt.evaluation import (
    evaluation_mode,
    importance_weighted_bound,
    weighted_draws,
)


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def bound(pair, images, **options):
    indices = torch.arange(len(images))
    return importance_weighted_bound(pair.model, pair.guide, images, indices, **options)


def pixels(images):
    return to_pixels(images.gather(torch.arange(len(images))), torch.float64)


def test_one_draw_is_the_elbo(linear, dots):
    one = bound(linear, dots, num_samples=1)
    assert torch.equal(one.iwae, one.elbo)
    with evaluation_mode(seed=0):
        reference = -Trace_ELBO().loss(linear.model, linear.guide, pixels(dots))
    assert one.elbo.sum().item() == pytest.approx(reference)
    torch.testing.assert_close(one.elbo, one.log_likelihood - one.kl["z1"])


def test_more_draws_come_closer_to_the_evidence(linear, dots):
    x = pixels(dots)
    evidence, elbo = linear.log_evidence(x).mean().item(), linear.elbo(x).mean().item()
    assert elbo < evidence
    means = [
        torch.stack([bound(linear, dots, num_samples=k, seed=s).iwae for s in range(20)])
        .mean()
        .item()
        for k in (1, 4, 16, 64)
    ]
    assert means == sorted(means)
    assert means[0] == pytest.approx(elbo, abs=0.1)
    many = bound(linear, dots, num_samples=5000)
    assert many.iwae.mean().item() == pytest.approx(evidence, abs=2e-3)
    assert many.elbo.mean().item() == pytest.approx(elbo, abs=0.02)
    assert (many.iwae >= many.elbo).all()


def test_draws_one_by_one_weigh_the_same(linear, dots):
    """Vectorised and looped: other draws of the same distribution."""
    together = bound(linear, dots, num_samples=1000)
    alone = bound(linear, dots, num_samples=1000, vectorize=False)
    torch.testing.assert_close(together.elbo, alone.elbo, atol=0.3, rtol=0)
    torch.testing.assert_close(together.iwae, alone.iwae, atol=0.1, rtol=0)


def test_the_weights_of_a_hierarchy_are_its_log_ratios(dots):
    torch.manual_seed(0)
    pair = presets.build("seatbelt", layers=3, network="mlp", image_shape=(1, 2, 2), num_data=50)
    x = pixels(dots)[:5]
    pair.model.double()
    pair.guide.double()
    with evaluation_mode(pair.model, pair.guide):
        draws = weighted_draws(pair.model, pair.guide, x, 7)
        assert set(draws.latents) == {"z1", "z2", "z3"}
        for k in range(7):
            values = {name: each[k] for name, each in draws.latents.items()}
            joint, posterior = (
                poutine.trace(poutine.condition(program, values)).get_trace(x)
                for program in (pair.model, pair.guide)
            )
            joint.compute_log_prob()
            posterior.compute_log_prob()
            expected = sum(
                sign * trace.nodes[name]["unscaled_log_prob"]
                for sign, trace in ((1, joint), (-1, posterior))
                for name in (*values, "x")
                if name in trace.nodes and "unscaled_log_prob" in trace.nodes[name]
            )
            torch.testing.assert_close(draws.log_weight[k], expected)


def test_plates_inside_are_summed():
    """Three groups of latents an image, in a plate left of the images."""

    def model(x):
        with pyro.plate("data", 9, subsample=x):
            with pyro.plate("groups", 3):
                z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample(
                "x",
                dist.Normal(z.sum(-2, keepdim=True)[..., None, None, None], 1.0).to_event(3),
                obs=x,
            )

    def guide(x):
        with pyro.plate("data", 9, subsample=x), pyro.plate("groups", 3):
            pyro.sample("z", dist.Normal(x.mean((-1, -2, -3)), 0.5))

    images = ResidentImages(torch.zeros(9, 1, 2, 2, dtype=torch.uint8))
    found = importance_weighted_bound(model, guide, images, torch.arange(9), num_samples=6)
    assert found.elbo.shape == (9,)
    with evaluation_mode(seed=0):
        draws = weighted_draws(model, guide, torch.zeros(9, 1, 2, 2), 6)
    assert draws.latents["z"].shape == (6, 9, 3)
    normal = torch.distributions.Normal
    z = draws.latents["z"]
    ratio = (normal(0.0, 0.5).log_prob(z) - normal(0.0, 1.0).log_prob(z)).sum(-1)
    torch.testing.assert_close(draws.log_ratio["z"], ratio)
    torch.testing.assert_close(
        draws.log_likelihood, 4 * normal(z.sum(-1), 1.0).log_prob(z.new_zeros(()))
    )


def test_it_leaves_no_trace_and_repeats_itself(linear, dots):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    seen = []
    progress = lambda _, done, total, *more: seen.append((done, total))  # noqa: E731
    one = bound(linear, dots, num_samples=64, progress=progress)
    assert torch.equal(torch.rand(2), expected)
    assert torch.equal(one.iwae, bound(linear, dots, num_samples=64).iwae)
    assert seen == [(16, 50), (32, 50), (48, 50), (50, 50)]


def test_messages(linear, dots):
    nothing = torch.arange(0)
    with pytest.raises(ValueError, match="got 0 images and 64 draws"):
        importance_weighted_bound(linear.model, linear.guide, dots, nothing)
    with pytest.raises(ValueError, match="got 50 images and 0 draws"):
        bound(linear, dots, num_samples=0)
    with pytest.raises(NotImplementedError, match="site 'z1' is masked"):
        importance_weighted_bound(
            poutine.mask(linear.model, mask=False), linear.guide, dots, torch.arange(4)
        )
    with pytest.raises(ValueError, match="model site 'z1' has no posterior"):
        importance_weighted_bound(
            linear.model, lambda x: None, dots, torch.arange(4), num_samples=1
        )
    with pytest.raises(ValueError, match="the model observes nothing"):
        importance_weighted_bound(linear.guide, linear.guide, dots, torch.arange(4))
