"""Other people's autoencoders as a Pyro model and guide."""

from pyro_seatbelt.adapters.autoencoder_kl import from_autoencoder_kl
from pyro_seatbelt.adapters.modules import ModuleGuide, ModuleModel, Spread, from_modules
from pyro_seatbelt.adapters.pythae import from_pythae

__all__ = [
    "ModuleGuide",
    "ModuleModel",
    "Spread",
    "from_autoencoder_kl",
    "from_modules",
    "from_pythae",
]
