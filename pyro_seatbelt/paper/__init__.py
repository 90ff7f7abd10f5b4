"""The paper's figures and tables by name."""

from typing import TYPE_CHECKING

from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt.paper.claims import Claim
    from pyro_seatbelt.paper.item import Item
    from pyro_seatbelt.paper.items import ITEMS
    from pyro_seatbelt.paper.reproduction import Reproduction, reproduce
    from pyro_seatbelt.paper.scale import Scale
    from pyro_seatbelt.paper.scales import SCALES

__all__ = ["ITEMS", "SCALES", "Claim", "Item", "Reproduction", "Scale", "reproduce"]

# these need torch, which takes a second to import
__getattr__ = lazily(
    __name__,
    {
        "claims": ["Claim"],
        "item": ["Item"],
        "items": ["ITEMS"],
        "reproduction": ["Reproduction", "reproduce"],
        "scale": ["Scale"],
        "scales": ["SCALES"],
    },
)
