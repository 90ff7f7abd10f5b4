"""The autoencoder of latent diffusion models as a Pyro pair."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.distributions import Normal

from pyro_seatbelt.adapters.modules import Likelihood, ModuleGuide, ModuleModel, from_modules
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.lazy import needed
from pyro_seatbelt.models.likelihoods import DEFAULT_SCALE


def from_autoencoder_kl(
    vae: nn.Module | Path | str,
    *,
    likelihood: Likelihood = DEFAULT_SCALE,
    num_data: int | None = None,
) -> tuple[ModuleModel, ModuleGuide]:
    """Makes a Pyro pair of a `diffusers.AutoencoderKL`.

    The networks see pixels from -1 to 1; the programs take and make pixels in [0, 1], as all here
    do. A latent is a map of vectors, `(C, H, W)`, before the scaling that diffusion models put on
    it. Decoded means may leave [0, 1] a little.

    Args:
        vae: The autoencoder, or the folder of a checkpoint (`config.json` and safetensors; nothing
            is downloaded or unpickled).
        likelihood: As :func:`from_modules` has it: the scale of Gaussian pixels, by default 0.1.
            The loss that it was trained by (perceptual, with a discriminator) is no likelihood.
        num_data: As there.

    Returns:
        The model and the guide.

    Raises:
        InputError: When there is no such checkpoint, or it is damaged.
        ModuleNotFoundError: When a folder is given and `diffusers` is not installed.

    References:
        | High-Resolution Image Synthesis with Latent Diffusion Models (Rombach et al., 2022)
        | https://arxiv.org/abs/2112.10752
    """
    network: Any = _load(Path(vae)) if isinstance(vae, Path | str) else vae

    def encode(x: Tensor) -> Normal:
        latent = network.encode(2 * x - 1).latent_dist
        return Normal(latent.mean, latent.std, validate_args=False)

    def decode(z: Tensor) -> Tensor:
        image: Tensor = network.decode(z).sample
        return (image + 1) / 2

    return from_modules(encode, decode, likelihood=likelihood, num_data=num_data)


def _load(folder: Path) -> Any:
    if not folder.is_dir():
        raise InputError(f"{folder}: expected the folder of an AutoencoderKL, there is none")
    with needed("AutoencoderKL", extra="diffusers"):
        from diffusers import AutoencoderKL  # noqa: PLC0415 - an extra
    try:
        return AutoencoderKL.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
        ).eval()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{folder}: the autoencoder cannot be read: {reason}") from error
