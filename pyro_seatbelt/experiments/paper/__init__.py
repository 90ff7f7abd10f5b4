"""The paper's figures and tables by name."""

from typing import TYPE_CHECKING

from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt.experiments.paper.claims import Claim
    from pyro_seatbelt.experiments.paper.item import Item
    from pyro_seatbelt.experiments.paper.items import ITEMS
    from pyro_seatbelt.experiments.paper.reproduction import Reproduction, reproduce
    from pyro_seatbelt.experiments.paper.scales import SCALES, Scale

__all__ = ["ITEMS", "SCALES", "Claim", "Item", "Reproduction", "Scale", "reproduce"]

# these need torch, which takes a second to import
__getattr__ = lazily(
    __name__,
    {
        "claims": ["Claim"],
        "item": ["Item"],
        "items": ["ITEMS"],
        "reproduction": ["Reproduction", "reproduce"],
        "scales": ["SCALES", "Scale"],
    },
)
