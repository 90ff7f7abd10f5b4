import math

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO

from pyro_seatbelt import presets
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.evaluation import evaluate_heldout, evaluation_mode

NUM_IMAGES = 40


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return presets.build("seatbelt", layers=3, network="mlp", image_shape=(1, 8, 8), num_data=999)


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (NUM_IMAGES, 1, 8, 8), generator=generator, dtype=torch.uint8)
    return ResidentImages(pixels)


def evaluate(pair, images, **options):
    return evaluate_heldout(
        pair.model, pair.guide, images, torch.arange(NUM_IMAGES), latent="z3", **options
    )


def test_elbo_is_trace_elbo_in_evaluation_mode(pair, images):
    heldout = evaluate(pair, images, batch_size=NUM_IMAGES)
    x = images.gather(torch.arange(NUM_IMAGES)).float() / 255
    with evaluation_mode(pair.model, pair.guide, seed=0):
        reference = -Trace_ELBO().loss(pair.model, pair.guide, x) / 999
    assert heldout.elbo == pytest.approx(reference, rel=1e-5)
    assert heldout.num_images == NUM_IMAGES


def test_the_parts_add_up(pair, images):
    heldout = evaluate(pair, images)
    assert heldout.elbo == pytest.approx(heldout.log_likelihood - sum(heldout.kl.values()))
    top = heldout.mutual_information + heldout.total_correlation + heldout.dimension_wise_kl
    assert top == pytest.approx(heldout.kl["z3"], abs=1e-4)
    assert heldout.mutual_information <= math.log(NUM_IMAGES) + 1e-6


def test_the_aggregate_is_exact_over_all_batches(pair, images):
    """Against one N x N x D tensor."""
    heldout = evaluate(pair, images, batch_size=NUM_IMAGES)
    x = images.gather(torch.arange(NUM_IMAGES)).float() / 255
    with evaluation_mode(pair.model, pair.guide, seed=0):
        site = poutine.trace(pair.guide).get_trace(x).nodes["z3"]
    log_q = site["fn"].base_dist.log_prob(site["value"][:, None])
    joint = log_q.sum(-1).logsumexp(1) - math.log(NUM_IMAGES)
    product = (log_q.logsumexp(1) - math.log(NUM_IMAGES)).sum(-1)
    expected = (joint - product).mean().item()
    assert heldout.total_correlation == pytest.approx(expected, rel=1e-4)


def test_it_leaves_no_trace(pair, images):
    pair.model.train()
    pair.guide.encoder.eval()
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    one = evaluate(pair, images, batch_size=16)
    assert torch.equal(torch.rand(1), expected)
    assert pair.model.training
    assert not pair.guide.encoder.training
    assert evaluate(pair, images, batch_size=16) == one
    pyro.clear_param_store()


def test_sites_of_one_program_alone_count_as_in_trace_elbo(pair, images):
    def model(x):
        pair.model(x)
        with pyro.plate("more", 5):
            pyro.sample("prior_only", dist.Normal(0.0, 1.0))

    with pytest.warns(UserWarning, match="Found vars in model but not guide"):
        reference = -Trace_ELBO().loss(model, pair.guide, torch.rand(4, 1, 8, 8))
    assert math.isfinite(reference)
    heldout = evaluate_heldout(model, pair.guide, images, torch.arange(8), latent="z3")
    assert set(heldout.kl) == {"z1", "z2", "z3", "prior_only"}
    assert heldout.elbo == pytest.approx(heldout.log_likelihood - sum(heldout.kl.values()))


def test_masked_sites_are_refused(pair, images):
    model = poutine.mask(pair.model, mask=False)
    with pytest.raises(NotImplementedError, match="site 'z3' is masked"):
        evaluate_heldout(model, pair.guide, images, torch.arange(8), latent="z3")


def test_messages(pair, images):
    with pytest.raises(ValueError, match="at least one held-out image, got none"):
        evaluate_heldout(pair.model, pair.guide, images, torch.arange(0), latent="z3")
    with pytest.raises(ValueError, match="site 'z9' is not a latent site"):
        evaluate_heldout(pair.model, pair.guide, images, torch.arange(3), latent="z9")
