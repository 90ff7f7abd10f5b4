import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from pyro_seatbelt.evaluation import reconstruction_quality
from pyro_seatbelt.evaluation.quality import SCALE_WEIGHTS, scale_weights


def slow_ms_ssim(one, other, weights):
    """Wang et al. (2003) with SciPy, one grey image at a time; borders are left out."""
    offsets = np.arange(11) - 5.0
    window = np.exp(-0.5 * (offsets / 1.5) ** 2)
    window = np.outer(window, window) / window.sum() ** 2

    def blur(image):
        return convolve2d(image, window, mode="valid")

    product = 1.0
    for scale, weight in enumerate(weights):
        mean_one, mean_other = blur(one), blur(other)
        var_one = blur(one**2) - mean_one**2
        var_other = blur(other**2) - mean_other**2
        both = blur(one * other) - mean_one * mean_other
        term = (2 * both + 0.03**2) / (var_one + var_other + 0.03**2)
        if scale == len(weights) - 1:
            light = 2 * mean_one * mean_other + 0.01**2
            term = term * light / (mean_one**2 + mean_other**2 + 0.01**2)
        product *= max(term.mean(), 0) ** weight
        one, other = (i.reshape(i.shape[0] // 2, 2, -1, 2).mean((1, 3)) for i in (one, other))
    return product


@pytest.fixture
def images():
    coarse = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    return torch.nn.functional.interpolate(coarse, size=64, mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_equal_images(channels):
    x = torch.rand(5, channels, 64, 64)
    found = reconstruction_quality(x, x)
    assert not found.mse.any()
    assert not found.l2.any()
    torch.testing.assert_close(found.ms_ssim, torch.ones(5))


def test_errors_by_hand():
    x = torch.zeros(2, 1, 16, 16)
    y = x.clone()
    y[1, 0, 0, :4] = 0.5
    found = reconstruction_quality(x, y)
    assert found.mse.tolist() == pytest.approx([0, 4 * 0.25 / 256])
    assert found.l2.tolist() == pytest.approx([0, 1])


def test_ms_ssim_equals_slow_code(images):
    generator = torch.Generator().manual_seed(1)
    noisy = (images + 0.1 * torch.randn(images.shape, generator=generator)).clamp(0, 1)
    found = reconstruction_quality(images, noisy).ms_ssim
    expected = [
        slow_ms_ssim(one[0].numpy(), other[0].numpy(), scale_weights(64))
        for one, other in zip(images, noisy, strict=True)
    ]
    assert found.tolist() == pytest.approx(expected, abs=2e-3)
    assert (found < 1).all()


def test_worse_reconstructions_score_less(images):
    scores = [
        reconstruction_quality(images, images * share + 0.5 * (1 - share)).ms_ssim.mean().item()
        for share in (1.0, 0.7, 0.3, 0.0)
    ]
    assert scores == sorted(scores, reverse=True)


def test_as_many_scales_as_fit():
    assert [len(scale_weights(size)) for size in (11, 32, 64, 99, 176)] == [1, 2, 3, 4, 5]
    assert scale_weights(176) == pytest.approx(np.array(SCALE_WEIGHTS) / sum(SCALE_WEIGHTS))
    assert sum(scale_weights(64)) == pytest.approx(1)
    for size in (11, 22, 43, 44, 98, 99, 176):
        x = torch.rand(1, 1, size, size)
        assert reconstruction_quality(x, x).ms_ssim.item() == pytest.approx(1, abs=1e-5)


def test_messages():
    x = torch.zeros(2, 1, 16, 16)
    with pytest.raises(ValueError, match="of one shape"):
        reconstruction_quality(x, x[:1])
    with pytest.raises(ValueError, match="at least 11x11 pixels, got 8"):
        reconstruction_quality(x[..., :8], x[..., :8])
