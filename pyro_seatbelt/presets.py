r"""The named family of the paper and its neighbours: model, guide and objective by name.

The first six are one hierarchy with different depth, skips and weights
:math:`(\alpha, \beta, \gamma)`: a Seatbelt-VAE with one layer *is* a
beta-TCVAE, and with beta = 1 it is a DLGM with skips. FactorVAE and HFVAE have another objective,
the Ladder VAE has another guide, and BIVA both another guide and a model of its own.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eqs 4-11
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from inspect import signature
from typing import Literal, NamedTuple, get_args

import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import (
    PRESETS,
    DataRangeName,
    EstimatorName,
    GuideName,
    LikelihoodName,
    NetworkName,
    Preset,
    PresetName,
    choose_guide,
    settle,
)
from pyro_seatbelt.guides import BottomUp, TopDown
from pyro_seatbelt.models import (
    ConvDecoder,
    ConvEncoder,
    Discriminator,
    Hierarchy,
    ImageDecoder,
    ImageEncoder,
    ImageShape,
    Likelihood,
    MLPDecoder,
    MLPEncoder,
    SignedPixels,
)
from pyro_seatbelt.models.lipschitz import (
    ENCODER_LIPSCHITZ,
    PIXEL_SLOPE,
    LipschitzDecoder,
    LipschitzEncoder,
)
from pyro_seatbelt.models.signed_pixels import SIGNED_SLOPE
from pyro_seatbelt.objectives import TraceFactor_ELBO, TraceHF_ELBO, TraceTC_ELBO
from pyro_seatbelt.pairs import guide_of, model_of
from pyro_seatbelt.training.config import TrainConfig

__all__ = ["PRESETS", "Family", "build", "from_config"]

NETWORKS: dict[NetworkName, tuple[Callable[..., ImageEncoder], Callable[..., ImageDecoder]]] = {
    "conv": (ConvEncoder, ConvDecoder),
    "mlp": (MLPEncoder, MLPDecoder),
    "lipschitz": (LipschitzEncoder, LipschitzDecoder),
}
"""Encoder and decoder of images, by :data:`NetworkName`."""

DEFAULT_LIPSCHITZ = 16.0
_OBJECTIVE_SETTINGS = ("groups", "within_beta", "discriminator_width", "discriminator_rate")

TOO_LARGE = (
    "the model and its batches do not fit into memory: choose a smaller --latent-dim, --hidden, "
    "--features or --batch-size"
)
"""What to do about a model that no machine like this one can hold."""


class Family(NamedTuple):
    """A model, its guide and the objective that trains them.

    Attributes:
        model: The generative program.
        guide: The amortised posterior.
        objective: The bound; ``objective(model, guide)`` is a loss module.
    """

    model: Hierarchy
    guide: BottomUp | TopDown
    objective: TraceTC_ELBO


def build(
    name: PresetName,
    *,
    layers: int | None = None,
    latent_dim: int = 10,
    latent_dims: Sequence[int] | None = None,
    beta: float | None = None,
    image_shape: ImageShape = (1, 64, 64),
    num_data: int,
    likelihood: LikelihoodName = "bernoulli",
    likelihood_scale: float | Literal["learned"] | None = None,
    data_range: DataRangeName = "unit",
    network: NetworkName = "conv",
    guide: GuideName | None = None,
    estimator: EstimatorName = "mws",
    free_bits: float = 0.0,
    analytic_entropy: bool = False,
    num_particles: int = 1,
    hidden: int = 256,
    features: int | None = None,
    lipschitz: float | None = None,
    groups: Sequence[int] | None = None,
    within_beta: float | None = None,
    discriminator_width: int | None = None,
    discriminator_rate: float | None = None,
) -> Family:
    r"""Builds a member of the family.

    Args:
        name: One of `vae`, `beta-vae`, `beta-tcvae`, `dlgm`, `beta-tcdlgm`, `seatbelt`,
            `factor-vae`, `hfvae`, `ladder-vae`, `biva`.
        layers: Latent layers L; by default 1 for the flat models and 4 for the others.
        latent_dim: Length of every latent layer.
        latent_dims: Length of each latent layer instead, lowest first; there are as many layers.
        beta: Weight of the total correlation (of the whole KL for `beta-vae`, of that between
            groups for `hfvae`, of the discriminator's penalty for `factor-vae`, beside the bound's
            own); by default 6, or 1 for the models without it.
        image_shape: Channels, height and width; 64x64 for the convolutional networks.
        num_data: Size N of the training set. The bound depends on it.
        likelihood: `bernoulli`, `continuous-bernoulli`, `gaussian` or `laplace`.
        likelihood_scale: For the last two: a number in units of the data range or `learned`.
        data_range: `unit`, or `signed` for an encoder that sees pixels as 2x - 1 and a scale that
            is meant there. Programs, densities and reconstructions stay those of pixels in [0, 1].
        network: `conv` or `mlp`, those of Chen et al. (2018), or `lipschitz`, whose slopes are
            bounded.
        guide: `bottom-up` :math:`q(z_{i+1} \mid z_i)`, `bottom-up-x`
            :math:`q(z_{i+1} \mid z_i, x)`, `top-down` :math:`q(z_i \mid z_{i+1}, x)` or `ladder`,
            which corrects the model's conditionals; by default the first of them that the model
            can have. `ladder-vae` has that one, `biva` its own.
        estimator: `mws` or `mss`, see :class:`TraceTC_ELBO`.
        free_bits: Floor under the KL of every latent dimension, nats per image.
        analytic_entropy: Use the closed-form entropies of the guide.
        num_particles: Draws per step, vectorised.
        hidden: Width of the networks between latent layers.
        features: Width of the image networks: units of the `mlp`, channels next to the latent
            layers of the `conv`; by default those of Chen et al., 1200 and 512.
        lipschitz: Of `lipschitz` networks with one layer: how many times as fast as the image its
            reconstruction may move, in the L2 norm; by default 16.
        groups: Of `hfvae`: how many neighbouring dimensions each group has; by default two halves.
        within_beta: Of `hfvae`: weight of the total correlation inside groups; by default 1.
        discriminator_width: Of `factor-vae`: width of the discriminator; by default 1000.
        discriminator_rate: Of `factor-vae`: the discriminator's step size; by default 1e-4.

    Returns:
        The model, the guide and the objective, with fresh parameters from torch's generator.

    Raises:
        InputError: On an unknown name or a value that the model cannot have.

    Example:
        >>> family = build("seatbelt", layers=4, latent_dim=10, beta=6.0, num_data=86366)
        >>> family.objective.latent, family.objective.beta
        ('z4', 6.0)
    """
    layers, beta = settle(name, layers=layers, beta=beta, latent_dims=latent_dims)
    preset = PRESETS[name]
    dims = (latent_dim,) * layers if latent_dims is None else tuple(latent_dims)
    for option, number in (
        ("latent_dim", latent_dim),
        *(("latent_dims", each) for each in dims),
        ("num_particles", num_particles),
        ("hidden", hidden),
        ("features", features),
        ("discriminator_width", discriminator_width),
    ):
        if number is not None and number < 1:
            raise InputError(f"expected {option} >= 1, got {number}")
    for option, value, choices in (
        ("network", network, NETWORKS),
        ("guide", guide, (None, *get_args(GuideName))),
    ):
        if value not in choices:
            names = ", ".join(each for each in choices if each)
            raise InputError(f"unknown {option} '{value}': choose from {names}")
    guide = choose_guide(name, guide)
    if lipschitz is not None and network != "lipschitz":
        raise InputError(f"lipschitz: the {network} networks have no bound: leave it out")
    try:
        make_encoder, make_decoder = NETWORKS[network]
        width = {} if features is None else {"num_features": features}
        if network == "lipschitz":
            bound = DEFAULT_LIPSCHITZ if lipschitz is None else lipschitz
            seen = SIGNED_SLOPE if data_range == "signed" else 1.0
            slope = bound / (seen * ENCODER_LIPSCHITZ * PIXEL_SLOPE)
            make_decoder = partial(make_decoder, lipschitz=slope)
        encoder: ImageEncoder = make_encoder(image_shape, **width)
        model = model_of(
            preset,
            lambda num_inputs: make_decoder(num_inputs, image_shape, **width),
            Likelihood(likelihood, scale=likelihood_scale, data_range=data_range),
            dims,
            hidden,
            num_data=num_data,
        )
        shown = SignedPixels(encoder) if data_range == "signed" else encoder
        posterior = guide_of(guide, encoder, shown, model, dims, hidden)
        objective = _objective(
            preset,
            dims[-1],
            groups=groups,
            within_beta=within_beta,
            discriminator_width=discriminator_width,
            discriminator_rate=discriminator_rate,
        )(
            f"z{layers}",
            **preset.weights(beta)._asdict(),
            estimator=estimator,
            free_bits=free_bits,
            analytic_entropy=analytic_entropy,
            num_particles=num_particles,
            vectorize_particles=num_particles > 1,
            max_plate_nesting=1,
        )
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error)) from error
    return Family(model, posterior, objective)


def from_config(config: TrainConfig, image_shape: ImageShape, num_data: int) -> Family:
    """Builds the member of the family that a config names.

    Args:
        config: The config.
        image_shape: Channels, height and width.
        num_data: Size N of the training set.

    Returns:
        The model, the guide and the objective, with fresh parameters from torch's generator.

    Raises:
        InputError: If the config contradicts itself.

    Example:
        >>> config = TrainConfig(model="beta-tcvae", beta=4)
        >>> from_config(config, (1, 64, 64), num_data=86366).objective.beta
        4.0
    """
    names = signature(build).parameters.keys() & TrainConfig.model_fields.keys()
    settings = {name: getattr(config, name) for name in names}
    make = partial(build, config.model, image_shape=image_shape, num_data=num_data, **settings)
    _check_memory(make)
    family = make()
    if config.alpha is not None:
        family.objective.alpha = config.alpha
    if config.gamma is not None:
        family.objective.gamma = config.gamma
    return family


def check(config: TrainConfig) -> None:
    """Finds out, before there are data, whether a config contradicts itself whatever they are.

    Args:
        config: The config.

    Raises:
        InputError: When the model cannot have its layers, its beta or its likelihood.

    Example:
        >>> check(TrainConfig(model="vae", layers=3))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: vae has one latent layer, got layers=3: choose from ...
    """
    config.settled()
    with torch.device("meta"):
        _objective(
            PRESETS[config.model],
            config.layer_dims[-1],
            **{name: getattr(config, name) for name in _OBJECTIVE_SETTINGS},
        )
    try:
        Likelihood(config.likelihood, scale=config.likelihood_scale)
    except ValueError as error:
        raise InputError(str(error)) from error


def _objective(
    preset: Preset,
    dim: int,
    *,
    groups: Sequence[int] | None,
    within_beta: float | None,
    discriminator_width: int | None,
    discriminator_rate: float | None,
) -> Callable[..., TraceTC_ELBO]:
    """Chooses the objective of a member whose top layer has some dimensions."""
    for option, value, kind in (
        ("groups", groups, "groups"),
        ("within_beta", within_beta, "groups"),
        ("discriminator_width", discriminator_width, "density-ratio"),
        ("discriminator_rate", discriminator_rate, "density-ratio"),
    ):
        if value is not None and preset.correlation != kind:
            owner = next(each for each in PRESETS.values() if each.correlation == kind)
            raise InputError(
                f"{option}: it is a setting of {owner.title}: leave it out for {preset.title}"
            )
    if preset.correlation == "groups":
        sizes = groups or [size for size in (dim - dim // 2, dim // 2) if size]
        if sum(sizes) != dim:
            raise InputError(
                f"groups: expected {dim} dimensions together, as the layer has, got "
                f"{' + '.join(map(str, sizes))} = {sum(sizes)}"
            )
        return partial(
            TraceHF_ELBO, groups=sizes, within=1.0 if within_beta is None else within_beta
        )
    if preset.correlation == "density-ratio":
        return partial(
            TraceFactor_ELBO,
            discriminator=Discriminator(dim, discriminator_width or 1000),
            learning_rate=1e-4 if discriminator_rate is None else discriminator_rate,
        )
    return TraceTC_ELBO


def _check_memory(make: Callable[[], Family]) -> None:
    """Counts the bytes of a pair before there are any: allocating them could kill the process."""
    try:
        with torch.device("meta"):
            family = make()
    except (RuntimeError, OverflowError) as error:
        raise InputError(TOO_LARGE) from error
    own = getattr(family.objective, "networks", {})
    modules = (family.model, family.guide, *own.values())
    num_bytes = sum(each.nbytes for module in modules for each in module.parameters())
    if not hasattr(os, "sysconf"):  # pragma: no cover - Windows does not say
        return
    if num_bytes > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE"):
        raise InputError(f"{TOO_LARGE}: the weights take {num_bytes / 1e9:.0f} GB")
