"""Adversarial attacks on any Pyro model and guide, many problems at once."""

from pyro_seatbelt.attacks.attack import PAPER_WEIGHTS, Attack
from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.lbfgsb import LBFGSB, minimise
from pyro_seatbelt.attacks.minimum import Advance, Minimum, StopReason
from pyro_seatbelt.attacks.objectives import LatentKL, LatentL2, LatentW2, Objective, Output
from pyro_seatbelt.attacks.pgd import PGD
from pyro_seatbelt.attacks.result import AttackResult

__all__ = [
    "LBFGSB",
    "PAPER_WEIGHTS",
    "PGD",
    "Advance",
    "Attack",
    "AttackResult",
    "Ball",
    "LatentKL",
    "LatentL2",
    "LatentW2",
    "Minimum",
    "Objective",
    "Output",
    "StopReason",
    "minimise",
]
