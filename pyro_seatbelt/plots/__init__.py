"""Figures: arrays in, matplotlib figures out."""

from pyro_seatbelt.plots.curves import training_curves
from pyro_seatbelt.plots.reconstructions import reconstruction_grid

__all__ = ["reconstruction_grid", "training_curves"]
