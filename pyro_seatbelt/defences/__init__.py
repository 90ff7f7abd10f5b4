"""Defences that act in training: each wraps an objective, of any Pyro model and guide."""

from pyro_seatbelt.defences.defence import Defence, DefendedLoss
from pyro_seatbelt.defences.input_noise import InputNoise
from pyro_seatbelt.defences.posterior_attack import AttackedBatch, PosteriorAttack

__all__ = ["AttackedBatch", "Defence", "DefendedLoss", "InputNoise", "PosteriorAttack"]
