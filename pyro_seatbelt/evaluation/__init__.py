"""Measuring trained models."""

from pyro_seatbelt.evaluation.active_units import active_units
from pyro_seatbelt.evaluation.heldout import Heldout, evaluate_heldout
from pyro_seatbelt.evaluation.modes import evaluation_mode
from pyro_seatbelt.evaluation.reconstructions import prior_images, reconstruct

__all__ = [
    "Heldout",
    "active_units",
    "evaluate_heldout",
    "evaluation_mode",
    "prior_images",
    "reconstruct",
]
