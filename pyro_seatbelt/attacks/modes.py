"""What the attacks and the layers of a model are called, without torch."""

from collections.abc import Sequence
from typing import Literal

Mode = Literal["latent", "w2", "l2", "output"]
"""Name of an attack's objective (:data:`~pyro_seatbelt.attacks.MODES` has what it stands for)."""

Layers = Literal["all", "top", "base"] | Sequence[str]
"""All layers, the one that the model samples first or last, or some sites."""
