import pytest
import torch

from pyro_seatbelt import from_autoencoder_kl
from pyro_seatbelt.attacks import Attack, LatentKL
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation import reconstruct


@pytest.fixture(scope="module")
def vae():
    """A tiny one with random weights."""
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    return diffusers.AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=2,
        norm_num_groups=4,
        sample_size=16,
    ).eval()


def test_pixels_from_0_to_1_go_through_networks_of_pixels_from_minus_1_to_1(vae):
    x = torch.rand(2, 3, 16, 16)
    model, guide = from_autoencoder_kl(vae)
    latent = vae.encode(2 * x - 1).latent_dist
    posterior = guide.posterior(x)
    torch.testing.assert_close(posterior.mean, latent.mean)
    torch.testing.assert_close(posterior.stddev, latent.std)
    assert posterior.event_shape == (2, 8, 8)
    expected = (vae.decode(latent.mean).sample + 1) / 2
    torch.testing.assert_close(reconstruct(model, guide, x), expected)


def test_two_images_are_attacked(vae):
    x, target = torch.rand(2, 1, 3, 16, 16)
    result = Attack(LatentKL(), weights=[0.0, 1e9])(*from_autoencoder_kl(vae), x, target)
    assert result.success(covered=0.9).tolist() == [True, False]
    assert result.norm[1] == 0


def test_a_checkpoint_by_its_path(vae, tmp_path):
    vae.save_pretrained(tmp_path / "vae")
    x = torch.rand(1, 3, 16, 16)
    _, guide = from_autoencoder_kl(vae)
    _, read = from_autoencoder_kl(str(tmp_path / "vae"))
    assert torch.equal(read.posterior(x).mean, guide.posterior(x).mean)
    with pytest.raises(InputError, match="nowhere: expected the folder of an AutoencoderKL"):
        from_autoencoder_kl(tmp_path / "nowhere")
    weights = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="the autoencoder cannot be read: "):
        from_autoencoder_kl(tmp_path / "vae")


def test_pickled_weights_are_not_read(vae, tmp_path):
    vae.save_pretrained(tmp_path / "vae", safe_serialization=False)
    with pytest.raises(InputError, match=r"the autoencoder cannot be read: .*safetensors"):
        from_autoencoder_kl(tmp_path / "vae")
