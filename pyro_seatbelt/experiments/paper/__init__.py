"""The paper's figures and tables by name."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyro_seatbelt.experiments.paper.claims import Claim
    from pyro_seatbelt.experiments.paper.item import Item
    from pyro_seatbelt.experiments.paper.items import ITEMS
    from pyro_seatbelt.experiments.paper.reproduction import Reproduction, reproduce
    from pyro_seatbelt.experiments.paper.scales import SCALES, Scale

__all__ = ["ITEMS", "SCALES", "Claim", "Item", "Reproduction", "Scale", "reproduce"]

_HOMES = {
    "ITEMS": "items",
    "SCALES": "scales",
    "Claim": "claims",
    "Item": "item",
    "Reproduction": "reproduction",
    "Scale": "scales",
    "reproduce": "reproduction",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
