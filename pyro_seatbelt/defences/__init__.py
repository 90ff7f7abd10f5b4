"""Defences that act in training: each wraps an objective, of any Pyro model and guide."""

from pyro_seatbelt.defences.adversarial_training import AdversarialTraining
from pyro_seatbelt.defences.defence import Defence, DefendedLoss
from pyro_seatbelt.defences.input_noise import InputNoise
from pyro_seatbelt.defences.posterior_attack import AttackedBatch, PosteriorAttack
from pyro_seatbelt.defences.smooth_encoder import SmoothEncoder

__all__ = [
    "AdversarialTraining",
    "AttackedBatch",
    "Defence",
    "DefendedLoss",
    "InputNoise",
    "PosteriorAttack",
    "SmoothEncoder",
]
