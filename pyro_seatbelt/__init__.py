"""Seatbelt-VAEs and their relatives in Pyro."""

import importlib
from typing import TYPE_CHECKING, Any

from pyro_seatbelt.errors import InputError

if TYPE_CHECKING:
    from pyro_seatbelt import presets
    from pyro_seatbelt.runs.open import load_run

__version__ = "0.1.0"
__all__ = ["InputError", "__version__", "load_run", "presets"]


def __getattr__(name: str) -> Any:
    """Import the rooms that need torch only when they are asked for."""
    if name == "load_run":
        return importlib.import_module("pyro_seatbelt.runs.open").load_run
    if name == "presets":
        return importlib.import_module("pyro_seatbelt.presets")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
