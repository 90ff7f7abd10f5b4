"""Measuring trained models."""

from pyro_seatbelt.evaluation.heldout import Heldout, evaluate_heldout, num_active_units
from pyro_seatbelt.evaluation.modes import evaluation_mode
from pyro_seatbelt.evaluation.reconstructions import prior_images, reconstruct

__all__ = [
    "Heldout",
    "evaluate_heldout",
    "evaluation_mode",
    "num_active_units",
    "prior_images",
    "reconstruct",
]
