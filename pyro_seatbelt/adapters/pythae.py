"""Models in the manner of pythae as a Pyro pair."""

from typing import Any

from torch import Tensor, nn

from pyro_seatbelt.adapters.modules import Likelihood, ModuleGuide, ModuleModel, from_modules
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.models.likelihoods import GreyBernoulli

_LIKELIHOODS: dict[str, Likelihood] = {"mse": 1.0, "bce": lambda p: GreyBernoulli(probs=p)}
"""What pythae's reconstruction losses are the negative log-likelihood of, up to a constant."""


def from_pythae(
    vae: nn.Module, *, likelihood: Likelihood | None = None, num_data: int | None = None
) -> tuple[ModuleModel, ModuleGuide]:
    """Makes a Pyro pair of a VAE whose encoder and decoder return outputs with names.

    Args:
        vae: Has an `encoder`, whose output has an `embedding` (the means) and a `log_covariance`
            (logarithms of the variances), and a `decoder`, whose output has a `reconstruction`.
        likelihood: As :func:`from_modules` has it; by default what the model's reconstruction loss
            stands for: Gaussian pixels of scale 1 (`mse`) or Bernoulli pixels (`bce`).
        num_data: As there.

    Returns:
        The model and the guide.

    Raises:
        InputError: When the model has no such parts or no such reconstruction loss; as the pair
            runs, when an output has not what it should have.

    References:
        | Pythae: Unifying Generative Autoencoders in Python (Chadebec et al., 2022)
        | https://arxiv.org/abs/2206.08309
    """
    if not all(callable(getattr(vae, part, None)) for part in ("encoder", "decoder")):
        raise InputError(
            f"expected a model with an encoder and a decoder, got {type(vae).__name__}"
        )
    if likelihood is None:
        loss = getattr(getattr(vae, "model_config", None), "reconstruction_loss", None)
        if loss not in _LIKELIHOODS:
            raise InputError(
                f"the model's reconstruction loss is {loss!r}, not mse or bce: give likelihood="
            )
        likelihood = _LIKELIHOODS[loss]

    network: Any = vae

    def encode(x: Tensor) -> tuple[Tensor, Tensor]:
        output = network.encoder(x)
        return _part(output, "embedding", "encoder"), _part(output, "log_covariance", "encoder")

    def decode(z: Tensor) -> Tensor:
        return _part(network.decoder(z), "reconstruction", "decoder")

    return from_modules(
        encode, decode, spread="log_variance", likelihood=likelihood, num_data=num_data
    )


def _part(output: Any, name: str, of: str) -> Tensor:
    part = getattr(output, name, None)
    if part is None:
        raise InputError(f"expected an output with '{name}' from the {of}, got none: it is no VAE")
    tensor: Tensor = part
    return tensor
