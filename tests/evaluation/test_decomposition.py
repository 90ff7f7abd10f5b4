import math

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.evaluation import evaluate_heldout, evaluate_heldout_images
from pyro_seatbelt.evaluation.decomposition import saturation_warning
from pyro_seatbelt.objectives import gaussian_aggregate

DIM = 10


def model(x):
    with pyro.plate("data", len(x), subsample=x):
        pyro.sample("z1", dist.Normal(torch.zeros(DIM, dtype=torch.float64), 1.0).to_event(1))
        pyro.sample("x", dist.Normal(torch.zeros(1, 1, 1), 1.0).to_event(3), obs=x)


class Planted:
    """A guide with a posterior for each image, whose pixels are the two bytes of its number."""

    def __init__(self, loc, scale, family=dist.Normal):
        self.posterior, self.draws = family(loc, scale), []

    def __call__(self, x):
        high, low = (255 * x).round().long().flatten(1).unbind(1)
        rows = 256 * high + low
        loc, scale = (each[rows] for each in (self.posterior.loc, self.posterior.scale))
        with pyro.plate("data", len(self.posterior.loc), subsample=x):
            z = pyro.sample("z1", type(self.posterior)(loc, scale).to_event(1))
        if not torch.equal(z, loc):  # no means, which active units are counted by
            self.draws.append(z)


def parts_of(guide, *, batch_size=500):
    count = len(guide.posterior.loc)
    numbers = torch.arange(count)
    pixels = torch.stack([numbers // 256, numbers % 256], 1).to(torch.uint8)[..., None, None]
    found = evaluate_heldout(
        model, guide, ResidentImages(pixels), numbers, latent="z1", batch_size=batch_size
    )
    total = found.mutual_information + found.total_correlation + found.dimension_wise_kl
    assert total == pytest.approx(found.kl["z1"], rel=1e-9)
    return found


def slow_parts(guide):
    """Sums densities one draw at a time with NumPy, in float64."""
    loc, scale = guide.posterior.loc.numpy(), guide.posterior.scale.numpy()
    totals = np.zeros(3)
    draws = torch.cat(guide.draws).numpy()
    for row, z in enumerate(draws):
        factors = np.exp(-0.5 * ((z - loc) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
        own = np.log(factors[row]).sum()
        joint = math.log(factors.prod(1).mean())
        product = np.log(factors.mean(0)).sum()
        prior = -0.5 * (z**2).sum() - DIM / 2 * math.log(2 * math.pi)
        totals += [own - joint, joint - product, product - prior]
    return totals / len(draws)


def test_a_thousand_images_equal_slow_code():
    """A mixture with a total correlation of about two nats; other chunks, the same numbers."""
    generator = torch.Generator().manual_seed(0)
    loc, shared = (torch.randn(1000, d, generator=generator).double() for d in (DIM, 1))
    scale = 0.2 + 0.3 * torch.rand(1000, DIM, generator=generator).double()
    guide = Planted(loc + 0.3 * shared, scale)
    found = parts_of(guide, batch_size=300)
    assert found.total_correlation > 1
    parts = [found.mutual_information, found.total_correlation, found.dimension_wise_kl]
    assert parts == pytest.approx(slow_parts(guide).tolist(), rel=1e-9)


def test_a_planted_total_correlation_is_found():
    """All dimensions share one sign: the total correlation is (D - 1) log 2, all else is known."""
    signs = (torch.arange(2000) % 2 * 2 - 1).double()
    loc = 8.0 * signs[:, None].expand(-1, DIM)
    found = parts_of(Planted(loc, torch.ones_like(loc)))
    assert found.mutual_information == pytest.approx(math.log(2), abs=1e-6)
    assert found.total_correlation == pytest.approx((DIM - 1) * math.log(2), abs=1e-6)
    assert found.dimension_wise_kl == pytest.approx(DIM * (32 - math.log(2)), rel=5e-3)


def test_a_product_has_no_total_correlation():
    """A mixture over every combination of two values a dimension is a product of mixtures."""
    bits = (torch.arange(2**DIM)[:, None] >> torch.arange(DIM)) % 2
    found = parts_of(Planted(1.3 * bits.double(), torch.full((2**DIM, DIM), 0.5).double()))
    assert found.total_correlation == pytest.approx(0, abs=1e-9)


def test_few_images_are_biased_as_documented_and_said_to_be():
    generator = torch.Generator().manual_seed(0)
    loc = torch.randn(4000, DIM, generator=generator).double()
    scale = torch.full_like(loc, 0.8)
    whole, part = (parts_of(Planted(loc[:n], scale[:n])) for n in (4000, 50))
    assert part.mutual_information < whole.mutual_information
    assert part.total_correlation > whole.total_correlation
    assert part.mutual_information <= math.log(50)
    assert saturation_warning(whole.mutual_information, 4000) == ""
    warning = saturation_warning(part.mutual_information, 50)
    assert warning.startswith("The mutual information is near log 50 = 3.91")
    assert saturation_warning(math.nan, 50) == ""


def test_several_draws_of_an_image_add_up_too():
    loc = torch.randn(40, DIM).double()
    guide = Planted(loc, torch.ones_like(loc))
    pixels = torch.zeros(40, 2, 1, 1, dtype=torch.uint8)
    pixels[:, 1, 0, 0] = torch.arange(40)
    stages = []
    found = evaluate_heldout_images(
        model, guide, ResidentImages(pixels), torch.arange(40), latent="z1", num_draws=7,
        batch_size=64, progress=lambda *stage: stages.append(stage),
    )  # fmt: skip
    means, kl = found.summary, found.kl["z1"]
    log_q = guide.posterior.log_prob(torch.cat(guide.draws).reshape(7, 40, DIM)).sum(-1)
    log_p = dist.Normal(0.0, 1.0).log_prob(torch.cat(guide.draws).reshape(7, 40, DIM)).sum(-1)
    torch.testing.assert_close(kl, (log_q - log_p).mean(0))
    assert means.num_images == 40
    assert means.kl["z1"] == pytest.approx(kl.mean().item())
    assert means.elbo == pytest.approx(found.elbo.mean().item())
    total = means.mutual_information + means.total_correlation + means.dimension_wise_kl
    assert total == pytest.approx(means.kl["z1"])
    assert means.mutual_information <= math.log(40)
    assert stages[-1][1:3] == (280, 280)


def test_chunks_change_nothing(monkeypatch):
    loc = torch.randn(1000, DIM).double()
    whole = parts_of(Planted(loc, torch.ones_like(loc)))
    monkeypatch.setitem(gaussian_aggregate.CHUNK_ELEMENTS, "cpu", 1 << 12)
    chunked = parts_of(Planted(loc, torch.ones_like(loc)))
    assert chunked.total_correlation == pytest.approx(whole.total_correlation, rel=1e-12)
    assert chunked.mutual_information == pytest.approx(whole.mutual_information, rel=1e-12)


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation makes."""

    numel = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for each in result if isinstance(result, tuple | list) else (result,):
            if isinstance(each, torch.Tensor):
                self.numel = max(self.numel, each.numel())
        return result


def test_memory_grows_with_the_number_of_images_alone(monkeypatch):
    monkeypatch.setitem(gaussian_aggregate.CHUNK_ELEMENTS, "cpu", 1 << 12)
    sizes = {}
    for count in (500, 2000):
        loc = torch.randn(count, DIM).double()
        with LargestTensor() as largest:
            parts_of(Planted(loc, torch.ones_like(loc)), batch_size=100)
        sizes[count] = largest.numel
        assert largest.numel <= 2 * count * DIM
    assert sizes[2000] <= 4 * sizes[500]


def test_other_families_than_normal():
    loc = torch.randn(300, DIM).double()
    guide = Planted(loc, torch.ones_like(loc), dist.Laplace)
    found = parts_of(guide)
    log_q = guide.posterior.log_prob(torch.cat(guide.draws)[:, None])
    joint = log_q.sum(-1).logsumexp(1) - math.log(300)
    product = (log_q.logsumexp(1) - math.log(300)).sum(-1)
    assert found.total_correlation == pytest.approx((joint - product).mean().item())
