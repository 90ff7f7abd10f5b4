r"""The named family of the paper: model, guide and objective by name.

All six are one hierarchy with different depth, skips and weights
:math:`(\alpha, \beta, \gamma)`: a Seatbelt-VAE with one layer *is* a
beta-TCVAE, and with beta = 1 it is a DLGM with skips.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eqs 4-11
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from torch import nn

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.guides import BottomUp, TopDown
from pyro_seatbelt.models import (
    ConditionalNormal,
    ConvDecoder,
    ConvEncoder,
    Hierarchy,
    ImageDecoder,
    ImageEncoder,
    ImageShape,
    Likelihood,
    LikelihoodName,
    MLPDecoder,
    MLPEncoder,
    latent_network,
)
from pyro_seatbelt.objectives import Estimator, TraceTC_ELBO

PresetName = Literal["vae", "beta-vae", "beta-tcvae", "dlgm", "beta-tcdlgm", "seatbelt"]
NetworkName = Literal["conv", "mlp"]
GuideName = Literal["bottom-up", "bottom-up-x", "top-down"]

DEFAULT_BETA = 6.0
DEFAULT_LAYERS = 4


@dataclass(frozen=True)
class Preset:
    """What sets a member of the family apart.

    Attributes:
        title: Its name in prose.
        source: Where it is from.
        hierarchical: Whether it may have more than one latent layer.
        skip: Whether the decoder sees every layer.
        weighted: Which of the top layer's terms beta multiplies: mutual information, total
            correlation, dimension-wise KL.
    """

    title: str
    source: str
    hierarchical: bool
    skip: bool
    weighted: tuple[bool, bool, bool]

    @property
    def has_beta(self) -> bool:
        """Whether beta changes anything."""
        return any(self.weighted)


PRESETS: dict[PresetName, Preset] = {
    "vae": Preset("VAE", "Kingma and Welling 2013", False, False, (False, False, False)),
    "beta-vae": Preset("beta-VAE", "Higgins et al. 2017", False, False, (True, True, True)),
    "beta-tcvae": Preset("beta-TCVAE", "Chen et al. 2018", False, False, (False, True, False)),
    "dlgm": Preset("DLGM", "Rezende et al. 2014", True, False, (False, False, False)),
    "beta-tcdlgm": Preset(
        "beta-TCDLGM", "Willetts et al., Eq 11", True, False, (False, True, False)
    ),
    "seatbelt": Preset("Seatbelt-VAE", "Willetts et al., Eq 10", True, True, (False, True, False)),
}

ENCODERS: dict[NetworkName, type[ConvEncoder] | type[MLPEncoder]] = {
    "conv": ConvEncoder,
    "mlp": MLPEncoder,
}
DECODERS: dict[NetworkName, type[ConvDecoder] | type[MLPDecoder]] = {
    "conv": ConvDecoder,
    "mlp": MLPDecoder,
}


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
    beta: float | None = None,
    image_shape: ImageShape = (1, 64, 64),
    num_data: int,
    likelihood: LikelihoodName = "bernoulli",
    likelihood_scale: float | Literal["learned"] | None = None,
    network: NetworkName = "conv",
    guide: GuideName = "bottom-up",
    estimator: Estimator = "mws",
    free_bits: float = 0.0,
    analytic_entropy: bool = False,
    num_particles: int = 1,
    hidden: int = 256,
) -> Family:
    r"""Builds a member of the family.

    Args:
        name: One of `vae`, `beta-vae`, `beta-tcvae`, `dlgm`, `beta-tcdlgm`, `seatbelt`.
        layers: Latent layers L; by default 1 for the flat models and 4 for the others.
        latent_dim: Length of every latent layer.
        beta: Weight of the total correlation (of the whole KL for `beta-vae`); by default 6, or 1
            for the models without it.
        image_shape: Channels, height and width; 64x64 for the convolutional networks.
        num_data: Size N of the training set. The bound depends on it.
        likelihood: `bernoulli`, `continuous-bernoulli`, `gaussian` or `laplace`.
        likelihood_scale: For the last two: a number in pixel units or `learned`.
        network: `conv` or `mlp`, those of Chen et al. (2018).
        guide: `bottom-up` :math:`q(z_{i+1} \mid z_i)`, `bottom-up-x`
            :math:`q(z_{i+1} \mid z_i, x)` or `top-down` :math:`q(z_i \mid z_{i+1}, x)`.
        estimator: `mws` or `mss`, see :class:`TraceTC_ELBO`.
        free_bits: Floor under the KL of every latent dimension, nats per image.
        analytic_entropy: Use the closed-form entropies of the guide.
        num_particles: Draws a step, vectorised.
        hidden: Width of the networks between latent layers.

    Returns:
        The model, the guide and the objective, with fresh parameters from torch's generator.

    Raises:
        InputError: On an unknown name or a value that the model cannot have.

    Example:
        >>> family = build("seatbelt", layers=4, latent_dim=10, beta=6.0, num_data=86366)
        >>> family.objective.latent, family.objective.beta
        ('z4', 6.0)
    """
    if name not in PRESETS:
        raise InputError(f"unknown model '{name}': choose from {', '.join(PRESETS)}")
    preset = PRESETS[name]
    layers, beta = settle(name, layers=layers, beta=beta)
    for option, number in (
        ("latent_dim", latent_dim),
        ("num_particles", num_particles),
        ("hidden", hidden),
    ):
        if number < 1:
            raise InputError(f"expected {option} >= 1, got {number}")
    for option, value, choices in (
        ("network", network, ENCODERS),
        ("guide", guide, get_args(GuideName)),
    ):
        if value not in choices:
            raise InputError(f"unknown {option} '{value}': choose from {', '.join(choices)}")
    try:
        encoder: ImageEncoder = ENCODERS[network](image_shape)
        decoder: ImageDecoder = DECODERS[network](
            latent_dim * (layers if preset.skip else 1), image_shape
        )
        alpha, tc, gamma = (beta if weighted else 1.0 for weighted in preset.weighted)
        objective = TraceTC_ELBO(
            f"z{layers}",
            alpha=alpha,
            beta=tc,
            gamma=gamma,
            estimator=estimator,
            free_bits=free_bits,
            analytic_entropy=analytic_entropy,
            num_particles=num_particles,
            vectorize_particles=num_particles > 1,
            max_plate_nesting=1,
        )
        model = Hierarchy(
            decoder,
            Likelihood(likelihood, scale=likelihood_scale),
            [
                ConditionalNormal(latent_network(latent_dim, 2 * latent_dim, hidden))
                for _ in range(layers - 1)
            ],
            top_dim=latent_dim,
            num_data=num_data,
            skip=preset.skip,
        )
    except InputError:
        raise
    except ValueError as error:
        raise InputError(str(error)) from error
    return Family(
        model, _guide(guide, encoder, layers, latent_dim, hidden, num_data=num_data), objective
    )


def settle(
    name: PresetName, *, layers: int | None = None, beta: float | None = None
) -> tuple[int, float]:
    """Decides the depth and the weight that a member of the family has.

    Args:
        name: One of :data:`PRESETS`.
        layers: Latent layers L; by default 1 for the flat models and 4 for the others.
        beta: The weight; by default 6, or 1 for the models without it.

    Returns:
        Layers and beta.

    Raises:
        InputError: If the model cannot have them.

    Example:
        >>> settle("seatbelt"), settle("vae"), settle("dlgm", layers=2)
        ((4, 6.0), (1, 1.0), (2, 1.0))
    """
    preset = PRESETS[name]
    if layers is None:
        layers = DEFAULT_LAYERS if preset.hierarchical else 1
    if beta is None:
        beta = DEFAULT_BETA if preset.has_beta else 1.0
    if layers < 1:
        raise InputError(f"expected layers >= 1, got {layers}")
    if not 0 <= beta < math.inf:
        raise InputError(f"expected beta >= 0 and finite, got {beta}")
    if layers > 1 and not preset.hierarchical:
        deep = ", ".join(other for other, spec in PRESETS.items() if spec.hierarchical)
        raise InputError(f"{name} has one latent layer, got layers={layers}: choose from {deep}")
    if beta != 1 and not preset.has_beta:
        weighted = ", ".join(other for other, spec in PRESETS.items() if spec.has_beta)
        raise InputError(f"{name} has no beta, got beta={beta}: choose from {weighted}")
    return layers, beta


def _guide(
    name: GuideName,
    encoder: ImageEncoder,
    layers: int,
    latent_dim: int,
    hidden: int,
    *,
    num_data: int,
) -> BottomUp | TopDown:
    features = encoder.num_features
    # as published: one linear map from the encoder's features to the first posterior
    first = ConditionalNormal(nn.Linear(features, 2 * latent_dim))
    inputs = latent_dim + (0 if name == "bottom-up" else features)
    others = [
        ConditionalNormal(latent_network(inputs, 2 * latent_dim, hidden)) for _ in range(layers - 1)
    ]
    if name == "top-down":
        return TopDown(encoder, [*others, first], num_data=num_data)
    return BottomUp(
        encoder, [first, *others], num_data=num_data, condition_on_image=name == "bottom-up-x"
    )
