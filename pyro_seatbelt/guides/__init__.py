"""Amortised posteriors as Pyro guides."""

from pyro_seatbelt.guides.bidirectional import Bidirectional
from pyro_seatbelt.guides.bottom_up import BottomUp
from pyro_seatbelt.guides.ladder import Ladder
from pyro_seatbelt.guides.top_down import TopDown

__all__ = ["Bidirectional", "BottomUp", "Ladder", "TopDown"]
