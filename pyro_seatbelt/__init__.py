"""Seatbelt-VAEs and their relatives in Pyro."""

from typing import TYPE_CHECKING

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt import presets
    from pyro_seatbelt.adapters import from_autoencoder_kl, from_modules, from_pythae
    from pyro_seatbelt.attacks import Attack, LatentKL, LatentW2, Output
    from pyro_seatbelt.family import Weights
    from pyro_seatbelt.guides import BottomUp, TopDown
    from pyro_seatbelt.models import Hierarchy
    from pyro_seatbelt.objectives import TraceEnumTC_ELBO, TraceTC_ELBO
    from pyro_seatbelt.runs.open import load_run

__version__ = "0.1.0"
__all__ = [
    "Attack",
    "BottomUp",
    "Hierarchy",
    "InputError",
    "LatentKL",
    "LatentW2",
    "Output",
    "TopDown",
    "TraceEnumTC_ELBO",
    "TraceTC_ELBO",
    "Weights",
    "__version__",
    "from_autoencoder_kl",
    "from_modules",
    "from_pythae",
    "load_run",
    "presets",
]

# torch takes seconds to import
__getattr__ = lazily(
    __name__,
    {
        "adapters": ["from_autoencoder_kl", "from_modules", "from_pythae"],
        "attacks": ["Attack", "LatentKL", "LatentW2", "Output"],
        "family": ["Weights"],
        "guides": ["BottomUp", "TopDown"],
        "models": ["Hierarchy"],
        "objectives": ["TraceEnumTC_ELBO", "TraceTC_ELBO"],
        "presets": [],
        "runs.open": ["load_run"],
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
