"""What the choices of an attack are called, without torch."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Mode = Literal["latent", "w2", "l2", "output"]
"""Name of an attack's objective (:data:`~pyro_seatbelt.attacks.MODES` has what it stands for)."""

Layers = Literal["all", "top", "base"] | Sequence[str]
"""All layers, the one that the model samples first or last, or some sites."""

Ends = Literal["both", "input"]
"""From which ends a problem with a target is searched: its input and its target, or the input."""

Noise = Literal["frozen", "fresh", "mean"]
"""How latent sites get their values: draws that stay, draws at each evaluation, or their means."""

Norm = Literal["l2", "linf"]
"""How the size of a distortion is measured: over the whole image, or by its largest pixel."""

OptimiserName = Literal["lbfgsb", "pgd"]
"""How commands call an optimiser."""


class AttackTitle(NamedTuple):
    """What an attack is called.

    Attributes:
        mode: By commands.
        title: As a heading.
        short: Beside others.
    """

    mode: Mode
    title: str
    short: str


TITLES: dict[str, AttackTitle] = {
    "latent-kl": AttackTitle("latent", "Latent attack (KL)", "latent"),
    "latent-w2": AttackTitle("w2", "Latent attack (2-Wasserstein)", "W2"),
    "latent-l2": AttackTitle("l2", "Latent attack (means)", "means"),
    "output": AttackTitle("output", "Output attack", "output"),
}
"""By the name that an objective has in tables."""
