"""The names of the family, and the depth and the weights that its members have.

Nothing here needs torch: the command line, configs and pages read it, and
:mod:`pyro_seatbelt.presets` builds what it names.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eqs 4-11
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pyro_seatbelt.errors import InputError

PresetName = Literal[
    "vae",
    "beta-vae",
    "beta-tcvae",
    "dlgm",
    "beta-tcdlgm",
    "seatbelt",
    "factor-vae",
    "hfvae",
    "ladder-vae",
    "biva",
]
GuideName = Literal["bottom-up", "bottom-up-x", "top-down", "ladder", "bidirectional"]
CorrelationName = Literal["aggregate", "density-ratio", "groups"]
NetworkName = Literal["conv", "mlp", "lipschitz"]
LikelihoodName = Literal["bernoulli", "continuous-bernoulli", "gaussian", "laplace"]
DataRangeName = Literal["unit", "signed"]
LearningRateScheduleName = Literal["constant", "cosine"]
EstimatorName = Literal["mws", "mss"]
WeightName = Literal["alpha", "beta", "gamma"]

WEIGHTS: tuple[WeightName, ...] = ("alpha", "beta", "gamma")
"""Weights of the top layer's mutual information, total correlation and dimension-wise KL."""

CHAIN_GUIDES: tuple[GuideName, ...] = ("bottom-up", "bottom-up-x", "top-down", "ladder")
"""The guides of a chain of layers, the usual one first."""

DEFAULT_BETA = 6.0
DEFAULT_LAYERS = 4


class Weights(NamedTuple):
    """The weights of the objective at a site, 1 each by default.

    Attributes:
        alpha: Of the index-code mutual information.
        beta: Of the total correlation.
        gamma: Of the dimension-wise KL.
    """

    alpha: float = 1.0
    beta: float = 1.0
    gamma: float = 1.0


@dataclass(frozen=True)
class Preset:
    """What sets a member of the family apart.

    Attributes:
        title: Its name in prose.
        source: Where it is from.
        hierarchical: Whether it may have more than one latent layer.
        skip: Whether the decoder sees every layer.
        weighted: Which of the weights of the top layer's terms are beta; the others are 1.
        guides: Which guides it may have, the usual one first.
        correlation: How it sees the total correlation that beta weighs: by the aggregate posterior,
            by a discriminator (its density ratio), or by the aggregate posterior of groups.
        warms_all: Whether warm-up raises the KL of every layer, as Sønderby et al. do it; else
            that of the top layer.
    """

    title: str
    source: str
    hierarchical: bool
    skip: bool
    weighted: tuple[WeightName, ...]
    guides: tuple[GuideName, ...] = CHAIN_GUIDES
    correlation: CorrelationName = "aggregate"
    warms_all: bool = False

    @property
    def unused(self) -> tuple[str, ...]:
        """Which of `layers`, `beta` and `guide` leave nothing to choose."""
        used = {
            "layers": self.hierarchical,
            "beta": bool(self.weighted),
            "guide": len(self.guides) > 1,
        }
        return tuple(name for name, counts in used.items() if not counts)

    def weights(self, beta: float) -> Weights:
        """The weights that the objective has at some beta.

        Example:
            >>> PRESETS["beta-tcvae"].weights(6.0)
            Weights(alpha=1.0, beta=6.0, gamma=1.0)
        """
        return Weights(*(beta if name in self.weighted else 1.0 for name in WEIGHTS))

    def latents(self, layers: int) -> tuple[str, ...]:
        """The names of its latent sites, lowest layer first.

        Example:
            >>> PRESETS["seatbelt"].latents(2), PRESETS["biva"].latents(2)
            (('z1', 'z2'), ('z1_bu', 'z1_td', 'z2'))
        """
        name = name_bidirectional if self.guides == ("bidirectional",) else name_latents
        return name(layers)


PRESETS: dict[str, Preset] = {
    "vae": Preset("VAE", "Kingma and Welling 2013", False, False, ()),
    "beta-vae": Preset("beta-VAE", "Higgins et al. 2017", False, False, WEIGHTS),
    "beta-tcvae": Preset("beta-TCVAE", "Chen et al. 2018", False, False, ("beta",)),
    "dlgm": Preset("DLGM", "Rezende et al. 2014", True, False, ()),
    "beta-tcdlgm": Preset("beta-TCDLGM", "Willetts et al., Eq 11", True, False, ("beta",)),
    "seatbelt": Preset("Seatbelt-VAE", "Willetts et al., Eq 10", True, True, ("beta",)),
    "factor-vae": Preset(
        "FactorVAE", "Kim and Mnih 2018", False, False, ("beta",), correlation="density-ratio"
    ),
    "hfvae": Preset("HFVAE", "Esmaeili et al. 2019", False, False, ("beta",), correlation="groups"),
    "ladder-vae": Preset(
        "Ladder VAE", "Sønderby et al. 2016", True, False, (), guides=("ladder",), warms_all=True
    ),
    "biva": Preset(
        "BIVA", "Maaløe et al. 2019", True, True, (), guides=("bidirectional",), warms_all=True
    ),
}
"""The members, by :data:`PresetName`."""


class Settled(NamedTuple):
    """The depth and the weight that a member has.

    Attributes:
        layers: Latent layers L.
        beta: The weight beta.
    """

    layers: int
    beta: float


def settle(
    name: str,
    *,
    layers: int | None = None,
    beta: float | None = None,
    latent_dims: Sequence[int] | None = None,
) -> Settled:
    """Decides the depth and the weight that a member of the family has.

    Args:
        name: One of :data:`PRESETS`.
        layers: Latent layers L; by default 1 for the flat models and 4 for the others.
        beta: The weight; by default 6, or 1 for the models without it.
        latent_dims: Length of every layer, lowest first: where they are given, the number of
            layers is theirs.

    Returns:
        Layers and beta.

    Raises:
        InputError: If there is no such model, or it cannot have them.

    Example:
        >>> settle("seatbelt"), settle("dlgm", layers=2)
        (Settled(layers=4, beta=6.0), Settled(layers=2, beta=1.0))
        >>> settle("seatbelt", latent_dims=(96, 48, 24)).layers
        3
    """
    if name not in PRESETS:
        raise InputError(f"unknown model '{name}': choose from {', '.join(PRESETS)}")
    unused = PRESETS[name].unused
    layers = num_layers(layers, latent_dims)
    if layers is None:
        layers = 1 if "layers" in unused else DEFAULT_LAYERS
    if beta is None:
        beta = 1.0 if "beta" in unused else DEFAULT_BETA
    if layers < 1:
        raise InputError(f"expected layers >= 1, got {layers}")
    if not 0 <= beta < math.inf:
        raise InputError(f"expected beta >= 0 and finite, got {beta}")
    if layers > 1 and "layers" in unused:
        raise InputError(
            f"{name} has one latent layer, got layers={layers}: choose from {_using('layers')}"
        )
    if beta != 1 and "beta" in unused:
        raise InputError(f"{name} has no beta, got beta={beta}: choose from {_using('beta')}")
    return Settled(layers, beta)


def choose_guide(name: str, guide: GuideName | None = None) -> GuideName:
    """Decides the guide that a member of the family has.

    Args:
        name: One of :data:`PRESETS`.
        guide: The one that is asked for; the member's usual one by default.

    Raises:
        InputError: If it cannot have that one.

    Example:
        >>> choose_guide("seatbelt"), choose_guide("biva"), choose_guide("dlgm", "ladder")
        ('bottom-up', 'bidirectional', 'ladder')
    """
    guides = PRESETS[name].guides
    if guide is None:
        return guides[0]
    if guide not in guides:
        raise InputError(f"guide: expected {' or '.join(guides)} for {name}, got {guide}")
    return guide


def num_layers(layers: int | None, latent_dims: Sequence[int] | None) -> int | None:
    """Counts the layers whose lengths are given.

    Args:
        layers: How many there are to be; None leaves it open.
        latent_dims: Length of every layer, lowest first; None leaves it open.

    Returns:
        Their number; None where both leave it open.

    Raises:
        InputError: If the two do not agree.

    Example:
        >>> num_layers(None, (96, 48)), num_layers(3, None)
        (2, 3)
    """
    if latent_dims is None:
        return layers
    if layers is not None and layers != len(latent_dims):
        raise InputError(
            f"layers: expected as many as latent_dims has lengths, {len(latent_dims)}, got "
            f"{layers}: leave layers out"
        )
    return len(latent_dims)


def _using(setting: str) -> str:
    return ", ".join(name for name, preset in PRESETS.items() if setting not in preset.unused)


def name_latents(num_layers: int, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names the latent sites of a hierarchy, lowest first.

    Args:
        num_layers: How many there are.
        names: Their names; `z1` ... `zL` by default.

    Raises:
        InputError: When there are not as many names, or two are equal.

    Example:
        >>> name_latents(3), name_latents(2, ["low", "high"])
        (('z1', 'z2', 'z3'), ('low', 'high'))
    """
    if names is None:
        return tuple(f"z{layer}" for layer in range(1, num_layers + 1))
    if isinstance(names, str) or len(set(names)) != num_layers or len(names) != num_layers:
        raise InputError(
            f"expected {num_layers} names of latent sites, all different and the lowest layer's "
            f"first, got {names!r}"
        )
    return tuple(names)


def name_bidirectional(num_layers: int) -> tuple[str, ...]:
    """Names the latent sites of a hierarchy that has two in each layer below the top.

    Example:
        >>> name_bidirectional(3)
        ('z1_bu', 'z1_td', 'z2_bu', 'z2_td', 'z3')
    """
    lower = [f"z{layer}_{way}" for layer in range(1, num_layers) for way in ("bu", "td")]
    return (*lower, f"z{num_layers}")
