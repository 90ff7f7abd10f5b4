"""Defences: what makes a pair harder to move."""

from pyro_seatbelt.defences.mcmc import RefinedGuide
from pyro_seatbelt.defences.smoothing import SmoothedEncoder, project, smoothed_lipschitz

__all__ = ["RefinedGuide", "SmoothedEncoder", "project", "smoothed_lipschitz"]
