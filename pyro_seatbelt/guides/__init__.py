"""Amortised posteriors as Pyro guides."""

from pyro_seatbelt.guides.bottom_up import BottomUp
from pyro_seatbelt.guides.top_down import TopDown

__all__ = ["BottomUp", "TopDown"]
