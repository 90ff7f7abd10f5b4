import pytest
import torch
from pyro import poutine

from pyro_seatbelt import presets
from pyro_seatbelt.data import ResidentImages, to_pixels
from pyro_seatbelt.evaluation import evaluation_mode, noise_robustness


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return presets.build("seatbelt", layers=2, network="mlp", image_shape=(1, 8, 8), num_data=99)


@pytest.fixture
def images():
    return ResidentImages(torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8))


def robustness(pair, images, scales, **options):
    return noise_robustness(
        pair.model, pair.guide, images, torch.arange(20), scales=scales, **options
    )


def test_no_noise_is_the_log_likelihood_of_the_clean_image(pair, images):
    found = robustness(pair, images, (0.0,), seed=3).log_likelihood
    x = to_pixels(images.gather(torch.arange(20)))
    with evaluation_mode(pair.model, pair.guide, seed=3):
        torch.randn_like(x)
        guide = poutine.trace(pair.guide).get_trace(x)
        model = poutine.trace(poutine.replay(pair.model, trace=guide)).get_trace(x)
    expected = model.nodes["x"]["fn"].log_prob(x)
    torch.testing.assert_close(found[0].float(), expected)


def test_the_guide_sees_noise_of_half_the_scale_and_the_model_clean_pixels(pair, images):
    seen = {"guide": [], "model": []}

    def watched(name):
        def program(x):
            seen[name].append(x)
            return getattr(pair, name)(x)

        return program

    clean = to_pixels(images.gather(torch.arange(20)))
    noise_robustness(
        watched("model"), watched("guide"), images, torch.arange(20), scales=(0.0, 0.5, 2.0)
    )
    nothing, half, two = (noisy - clean for noisy in seen["guide"])
    assert not nothing.any()
    assert half.std() == pytest.approx(0.25, rel=0.05)
    torch.testing.assert_close(two, 4 * half)  # the same noise, and nothing is clamped
    for x in seen["model"]:
        assert torch.equal(x, clean)


def test_each_scale_is_measured_for_itself(pair, images):
    seen = []
    both = robustness(
        pair, images, (0.0, 1.0), batch_size=8, progress=lambda _, done, *more: seen.append(done)
    )
    alone = robustness(pair, images, (1.0,), batch_size=8)
    assert both.scales == (0.0, 1.0)
    assert torch.equal(both.log_likelihood[1], alone.log_likelihood[0])
    assert seen == [8, 16, 20, 28, 36, 40]


def test_messages(pair, images):
    with pytest.raises(ValueError, match="expected at least one image, got none"):
        noise_robustness(pair.model, pair.guide, images, torch.arange(0))
    with pytest.raises(ValueError, match="the model does not observe a site 'pixels'"):
        robustness(pair, images, (0.0,), site="pixels")
    with pytest.raises(NotImplementedError, match="site 'x' is masked"):
        noise_robustness(poutine.mask(pair.model, mask=False), pair.guide, images, torch.arange(20))
