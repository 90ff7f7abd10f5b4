import math

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from torch.distributions import Laplace, Normal
from torch.utils._python_dispatch import TorchDispatchMode

from pyro_seatbelt import presets
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.evaluation import Encoding, decompose, encode, evaluate_heldout
from pyro_seatbelt.evaluation.encodings import rows_of
from pyro_seatbelt.objectives import gaussian_aggregate

DIM = 10


def model(x):
    with pyro.plate("data", len(x), subsample=x):
        pyro.sample("z1", dist.Normal(torch.zeros(DIM, dtype=torch.float64), 1.0).to_event(1))
        pyro.sample("x", dist.Normal(torch.zeros(1, 1, 1), 1.0).to_event(3), obs=x)


def parts_of(loc, scale, *, num_draws=500, family=Normal):
    """Decomposes a planted mixture, its draws from a stream of their own."""
    posterior = family(loc, scale)
    encodings = {"z1": Encoding(posterior.sample(), posterior)}
    images = ResidentImages(torch.zeros(len(loc), 1, 1, 1, dtype=torch.uint8))
    return encodings, decompose(
        model, images, torch.arange(len(loc)), encodings, latent="z1", num_draws=num_draws
    )


def slow_parts(encoding, rows):
    """Sums densities one draw at a time with NumPy, in float64."""
    loc, scale = encoding.posterior.loc.numpy(), encoding.posterior.scale.numpy()
    totals = np.zeros(3)
    for row in rows:
        z = encoding.draws[row].numpy()
        factors = np.exp(-0.5 * ((z - loc) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
        own = np.log(factors[row]).sum()
        joint = math.log(factors.prod(1).mean())
        product = np.log(factors.mean(0)).sum()
        prior = -0.5 * (z**2).sum() - DIM / 2 * math.log(2 * math.pi)
        totals += [own - joint, joint - product, product - prior]
    return totals / len(rows)


def test_twenty_thousand_images_equal_slow_code():
    """A mixture with a total correlation of about two nats; other chunks, the same numbers."""
    generator = torch.Generator().manual_seed(0)
    loc, shared = (torch.randn(20_000, d, generator=generator).double() for d in (DIM, 1))
    scale = 0.2 + 0.3 * torch.rand(20_000, DIM, generator=generator).double()
    encodings, found = parts_of(loc + 0.3 * shared, scale, num_draws=20_000 // 400)
    from pyro_seatbelt.data.subset import even_subset

    expected = slow_parts(encodings["z1"], even_subset(50, 20_000))
    assert found.total_correlation > 1
    assert list(found) == pytest.approx(expected.tolist(), rel=1e-9)


def test_a_planted_total_correlation_is_found():
    """All dimensions share one sign: the total correlation is (D - 1) log 2, all else is known."""
    signs = (torch.arange(20_000) % 2 * 2 - 1).double()
    loc = 8.0 * signs[:, None].expand(-1, DIM)
    _, found = parts_of(loc, torch.ones_like(loc), num_draws=2000)
    assert found.mutual_information == pytest.approx(math.log(2), abs=1e-6)
    assert found.total_correlation == pytest.approx((DIM - 1) * math.log(2), abs=1e-6)
    assert found.dimension_wise_kl == pytest.approx(DIM * (32 - math.log(2)), rel=5e-3)


def test_a_product_has_no_total_correlation():
    """A mixture over every combination of two values a dimension is a product of mixtures."""
    bits = (torch.arange(2**DIM)[:, None] >> torch.arange(DIM)) % 2
    _, found = parts_of(1.3 * bits.double(), torch.full((2**DIM, DIM), 0.5).double())
    assert found.total_correlation == pytest.approx(0, abs=1e-9)


def test_the_part_of_a_set_is_biased_as_documented():
    generator = torch.Generator().manual_seed(0)
    loc = torch.randn(4000, DIM, generator=generator).double()
    scale = torch.full_like(loc, 0.4)
    whole, part = (parts_of(loc[:n], scale[:n])[1] for n in (4000, 200))
    assert part.mutual_information < whole.mutual_information
    assert part.total_correlation > whole.total_correlation
    assert part.mutual_information <= math.log(200)


def test_chunks_change_nothing(monkeypatch):
    loc = torch.randn(3000, DIM).double()
    torch.manual_seed(1)
    _, whole = parts_of(loc, torch.ones_like(loc))
    monkeypatch.setitem(gaussian_aggregate.CHUNK_ELEMENTS, "cpu", 1 << 12)
    torch.manual_seed(1)
    _, chunked = parts_of(loc, torch.ones_like(loc))
    assert list(chunked) == pytest.approx(list(whole), rel=1e-12)


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
    for count in (2000, 8000):
        loc = torch.randn(count, DIM).double()
        with LargestTensor() as largest:
            parts_of(loc, torch.ones_like(loc), num_draws=500)
        sizes[count] = largest.numel
        assert largest.numel <= 2 * count * DIM
    assert sizes[8000] <= 4 * sizes[2000]


def test_other_families_than_normal():
    loc = torch.randn(300, DIM).double()
    encodings, found = parts_of(loc, torch.ones_like(loc), family=Laplace)
    draws, posterior = encodings["z1"]
    log_q = posterior.log_prob(draws[:, None])
    joint = log_q.sum(-1).logsumexp(1) - math.log(300)
    product = (log_q.logsumexp(1) - math.log(300)).sum(-1)
    assert found.total_correlation == pytest.approx((joint - product).mean().item())


def test_on_its_own_images_it_is_the_heldout_decomposition():
    torch.manual_seed(0)
    pair = presets.build("seatbelt", layers=3, network="mlp", image_shape=(1, 8, 8), num_data=99)
    pixels = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8)
    images, indices = ResidentImages(pixels), torch.arange(40)
    encodings = encode(pair.guide, images, indices, seed=5)
    assert list(encodings) == ["z1", "z2", "z3"]
    found = decompose(pair.model, images, indices, encodings, latent="z3")
    # the guide draws before the model, so that the same seed gives the same draws of one batch
    heldout = evaluate_heldout(pair.model, pair.guide, images, indices, latent="z3", seed=5)
    assert found.total_correlation == pytest.approx(heldout.total_correlation, rel=1e-4)
    assert sum(found) == pytest.approx(heldout.kl["z3"], rel=1e-4)


def test_posteriors_are_kept_image_by_image():
    pair = presets.build("dlgm", layers=2, network="mlp", image_shape=(1, 8, 8), num_data=99)
    images = ResidentImages(torch.randint(0, 256, (30, 1, 8, 8), dtype=torch.uint8))
    whole = encode(pair.guide, images, torch.arange(30), batch_size=7)
    some = encode(pair.guide, images, torch.tensor([4, 9]))
    chosen = rows_of(whole["z1"].posterior, torch.tensor([4, 9]))
    torch.testing.assert_close(chosen.loc, some["z1"].posterior.loc)
    assert whole["z2"].draws.shape == (30, 10)


def test_messages():
    images = ResidentImages(torch.zeros(5, 1, 1, 1, dtype=torch.uint8))
    loc = torch.zeros(5, DIM)
    encodings = {"z1": Encoding(loc, Normal(loc, 1.0))}

    def empty(x):
        pass

    with pytest.raises(ValueError, match=r"site 'z9' was not encoded \(those are: z1\)"):
        decompose(model, images, torch.arange(5), encodings, latent="z9")
    with pytest.raises(ValueError, match="site 'z1' is no latent of the model"):
        decompose(empty, images, torch.arange(5), encodings, latent="z1")
    with pytest.raises(NotImplementedError, match="site 'z1' is masked"):
        decompose(poutine.mask(model, mask=False), images, torch.arange(5), encodings, latent="z1")
    with pytest.raises(ValueError, match="at least one image to encode, got none"):
        encode(empty, images, torch.arange(0))

    def crowded(x):
        with pyro.plate("data", 5, subsample=x), pyro.plate("more", 3):
            pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))

    with pytest.raises(NotImplementedError, match="expected one vector per image"):
        encode(crowded, images, torch.arange(5))

    def transformed(x):
        with pyro.plate("data", 5, subsample=x):
            pyro.sample("z", dist.LogNormal(torch.zeros(len(x), 2), 1.0).to_event(1))

    encode(transformed, images, torch.arange(5))
    with pytest.raises(NotImplementedError, match="family of plain parameters"):
        rows_of(
            dist.TransformedDistribution(
                dist.Normal(torch.zeros(5, 2), 1.0), dist.transforms.ExpTransform()
            ),
            torch.arange(3),
        )
