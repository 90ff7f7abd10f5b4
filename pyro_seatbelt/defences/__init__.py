"""Defences of any Pyro pair: in training, around an objective; at inference, around a guide."""

from pyro_seatbelt.defences.adversarial_training import AdversarialTraining
from pyro_seatbelt.defences.defence import Defence, DefendedLoss
from pyro_seatbelt.defences.input_noise import InputNoise
from pyro_seatbelt.defences.mcmc import RefinedGuide
from pyro_seatbelt.defences.posterior_attack import AttackedBatch, PosteriorAttack
from pyro_seatbelt.defences.smooth_encoder import SmoothEncoder
from pyro_seatbelt.defences.smoothing import SmoothedEncoder, project, smoothed_lipschitz

__all__ = [
    "AdversarialTraining",
    "AttackedBatch",
    "Defence",
    "DefendedLoss",
    "InputNoise",
    "PosteriorAttack",
    "RefinedGuide",
    "SmoothEncoder",
    "SmoothedEncoder",
    "project",
    "smoothed_lipschitz",
]
