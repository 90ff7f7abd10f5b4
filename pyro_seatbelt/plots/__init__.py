"""Figures: arrays in, matplotlib figures out."""

from pyro_seatbelt.plots.contact_sheet import contact_sheet
from pyro_seatbelt.plots.curves import training_curves
from pyro_seatbelt.plots.reconstructions import reconstruction_grid

__all__ = ["contact_sheet", "reconstruction_grid", "training_curves"]
