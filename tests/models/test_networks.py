import pytest
import torch
from torch import nn

from pyro_seatbelt.models import (
    ConditionalNormal,
    ConvDecoder,
    ConvEncoder,
    MLPDecoder,
    MLPEncoder,
)
from pyro_seatbelt.models.networks import concatenate

SHAPES = [(1, 64, 64), (3, 64, 64)]
LEADS = [(), (2,), (3, 2), (2, 1, 3)]


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("image_shape", SHAPES)
@pytest.mark.parametrize("network", [ConvEncoder, MLPEncoder])
def test_encoders_take_any_leading_dimensions(network, image_shape, lead):
    encoder = network(image_shape, 24).eval()
    x = torch.rand(*lead, *image_shape)
    features = encoder(x)
    assert features.shape == (*lead, 24)
    flat = encoder(x.reshape(-1, *image_shape))
    torch.testing.assert_close(features.reshape(-1, 24), flat)


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("image_shape", SHAPES)
@pytest.mark.parametrize("network", [ConvDecoder, MLPDecoder])
def test_decoders_take_any_leading_dimensions(network, image_shape, lead):
    decoder = network(5, image_shape, 24).eval()
    z = torch.randn(*lead, 5)
    pixels = decoder(z)
    assert pixels.shape == (*lead, *image_shape)
    torch.testing.assert_close(
        pixels.reshape(-1, *image_shape), decoder(z.reshape(-1, 5)), rtol=1e-4, atol=1e-5
    )


def test_parameter_count_is_that_of_the_published_networks():
    """Chen et al.'s networks for z = 10 on 64x64 grey images, counted by hand from their code."""

    def count(module):
        return sum(p.numel() for p in module.parameters())

    # weights, biases, then two batch-norm vectors a layer
    layers = [(1, 32, 4), (32, 32, 4), (32, 64, 4), (64, 64, 4), (64, 512, 4)]
    encoder = sum(i * o * k * k + o + 2 * o for i, o, k in layers)
    assert count(ConvEncoder((1, 64, 64))) == encoder
    layers = [(10, 512, 1), (512, 64, 4), (64, 64, 4), (64, 32, 4), (32, 32, 4)]
    decoder = sum(i * o * k * k + o + 2 * o for i, o, k in layers) + 32 * 16 + 1
    assert count(ConvDecoder(10, (1, 64, 64))) == decoder


def test_convolutions_run_channels_last():
    encoder, decoder = ConvEncoder((3, 64, 64)), ConvDecoder(4, (3, 64, 64))
    layouts = []

    def record(module, inputs, output):
        layouts.append(output.is_contiguous(memory_format=torch.channels_last))

    for module in (*encoder.modules(), *decoder.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(record)
    decoder(torch.randn(2, 4))
    encoder(torch.rand(2, 3, 64, 64))
    assert len(layouts) == 11
    assert all(layouts)


def test_scales_are_bounded():
    """A chain of layers with wild parameters overflows without the bound."""
    head = ConditionalNormal(nn.Linear(2, 4))
    for value in (1e30, -1e30):
        nn.init.constant_(head.network.bias, value)
        scale = head(torch.zeros(1, 2)).base_dist.scale
        assert 0.002 < scale.min() <= scale.max() < 404


def test_half_precision_ends_at_the_distribution():
    head = ConditionalNormal(nn.Linear(2, 4))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        posterior = head(torch.zeros(3, 2))
        pixels = MLPDecoder(2, (1, 4, 4), 8)(torch.zeros(3, 2))
    assert posterior.base_dist.loc.dtype == torch.float32
    assert pixels.dtype == torch.float32
    assert (
        ConditionalNormal(nn.Linear(2, 4).double())(torch.zeros(1, 2).double()).base_dist.loc.dtype
        == torch.float64
    )


def test_concatenate_broadcasts():
    joined = concatenate([torch.ones(4, 1, 2), torch.zeros(3, 1)])
    assert joined.shape == (4, 3, 3)
    assert joined[..., :2].min() == 1
    assert joined[..., 2].max() == 0


def test_messages():
    with pytest.raises(ValueError, match="take 64x64 images, got 32x32"):
        ConvEncoder((1, 32, 32))
    with pytest.raises(ValueError, match="take 64x64 images, got 28x64"):
        ConvDecoder(3, (1, 28, 64))
    with pytest.raises(
        ValueError, match=r"expected images of shape \(\*, 1, 8, 8\), got \(2, 8, 8"
    ):
        MLPEncoder((1, 8, 8), 4)(torch.zeros(2, 8, 8))
