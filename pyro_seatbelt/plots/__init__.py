"""Figures: arrays in, matplotlib figures out."""

from pyro_seatbelt.plots.attacks import attack_panels
from pyro_seatbelt.plots.contact_sheet import contact_sheet
from pyro_seatbelt.plots.curves import training_curves
from pyro_seatbelt.plots.distortions import distortion_curves
from pyro_seatbelt.plots.noise import smoothed_histograms
from pyro_seatbelt.plots.posteriors import posterior_overlap
from pyro_seatbelt.plots.reconstructions import reconstruction_grid
from pyro_seatbelt.plots.traversals import traversal_grid

__all__ = [
    "attack_panels",
    "contact_sheet",
    "distortion_curves",
    "posterior_overlap",
    "reconstruction_grid",
    "smoothed_histograms",
    "training_curves",
    "traversal_grid",
]
