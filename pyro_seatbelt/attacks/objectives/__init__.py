r"""What an attacker minimises: one objective per file, by the names that commands know.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Section 4
    | Adversarial Examples for Generative Models (Kos et al., 2018), for `l2`
"""

from collections.abc import Callable

from pyro_seatbelt.attacks.modes import Layers, Mode
from pyro_seatbelt.attacks.objectives.classifier import Classifier
from pyro_seatbelt.attacks.objectives.latent_kl import LatentKL
from pyro_seatbelt.attacks.objectives.latent_l2 import LatentL2
from pyro_seatbelt.attacks.objectives.latent_w2 import LatentW2
from pyro_seatbelt.attacks.objectives.objective import Objective
from pyro_seatbelt.attacks.objectives.output import Output
from pyro_seatbelt.errors import InputError

__all__ = [
    "MODES",
    "Classifier",
    "LatentKL",
    "LatentL2",
    "LatentW2",
    "Objective",
    "Output",
    "make_objective",
]

MODES: dict[Mode, Callable[[Layers], Objective]] = {
    "latent": LatentKL,
    "w2": LatentW2,
    "l2": lambda layers: LatentL2(layers=layers),
    "output": lambda _: Output(),
}
"""From the name of a mode and the layers to the objective; the output attack reads them all."""


def make_objective(mode: Mode, layers: Layers = "all") -> Objective:
    """Makes the objective of a mode.

    Args:
        mode: Its name.
        layers: The layers that a latent attack looks at.

    Raises:
        InputError: When there is no such mode.

    Example:
        >>> make_objective("latent", "top").layers
        'top'
    """
    if mode not in MODES:
        raise InputError(f"expected a mode of {', '.join(MODES)}, got {mode!r}")
    return MODES[mode](layers)
