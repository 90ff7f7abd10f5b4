r"""The attacks of the paper by name.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Section 4
    | Adversarial Examples for Generative Models (Kos et al., 2018), for `l2`
"""

from collections.abc import Callable
from typing import Literal

from pyro_seatbelt.attacks.objectives import LatentKL, LatentL2, LatentW2, Objective, Output
from pyro_seatbelt.attacks.pair import Layers
from pyro_seatbelt.errors import InputError

Mode = Literal["latent", "w2", "l2", "output"]

MODES: dict[Mode, Callable[[Layers], Objective]] = {
    "latent": LatentKL,
    "w2": LatentW2,
    "l2": lambda layers: LatentL2(layers=layers),
    "output": lambda _: Output(),
}
"""From the name of a mode and the layers to the objective; the output attack reads them all."""


def objective(mode: Mode, layers: Layers = "all") -> Objective:
    """Makes the objective of a mode.

    Args:
        mode: Its name.
        layers: The layers that a latent attack looks at.

    Raises:
        InputError: When there is no such mode.

    Example:
        >>> objective("latent", "top").layers
        'top'
    """
    if mode not in MODES:
        raise InputError(f"expected a mode of {', '.join(MODES)}, got {mode!r}")
    return MODES[mode](layers)
