"""Adversarial attacks on any Pyro model and guide, many problems at once."""

from pyro_seatbelt.attacks.attack import Attack
from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.modes import MODES, Mode
from pyro_seatbelt.attacks.objectives import LatentKL, LatentL2, LatentW2, Objective, Output
from pyro_seatbelt.attacks.optimisers import LBFGSB, OPTIMISERS, PGD, Optimiser
from pyro_seatbelt.attacks.optimisers.minimum import Minimum, StopReason
from pyro_seatbelt.attacks.pairs import ImagePairs, choose_pairs
from pyro_seatbelt.attacks.result import AttackResult
from pyro_seatbelt.attacks.weights import PAPER_WEIGHTS, geometric_weights

__all__ = [
    "LBFGSB",
    "MODES",
    "OPTIMISERS",
    "PAPER_WEIGHTS",
    "PGD",
    "Attack",
    "AttackResult",
    "Ball",
    "ImagePairs",
    "LatentKL",
    "LatentL2",
    "LatentW2",
    "Minimum",
    "Mode",
    "Objective",
    "Optimiser",
    "Output",
    "StopReason",
    "choose_pairs",
    "geometric_weights",
]
