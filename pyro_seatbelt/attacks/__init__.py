"""Adversarial attacks on any Pyro model and guide, many problems at once."""

from typing import TYPE_CHECKING

from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt.attacks.attack import Attack, BoundAttack
    from pyro_seatbelt.attacks.ball import Ball
    from pyro_seatbelt.attacks.ddn import DDN
    from pyro_seatbelt.attacks.image_pairs import ImagePairs, choose_pairs
    from pyro_seatbelt.attacks.minimum_norm import LeastDistortion, MinimumNorm
    from pyro_seatbelt.attacks.modes import Ends, Layers, Mode
    from pyro_seatbelt.attacks.objectives import (
        MODES,
        Classifier,
        LatentKL,
        LatentL2,
        LatentW2,
        Objective,
        Output,
    )
    from pyro_seatbelt.attacks.optimisers import LBFGSB, OPTIMISERS, PGD, Optimiser
    from pyro_seatbelt.attacks.optimisers.minimum import Minimum, StopReason
    from pyro_seatbelt.attacks.penalties import PAPER_WEIGHTS, geometric_weights
    from pyro_seatbelt.attacks.result import AttackResult

__all__ = [
    "DDN",
    "LBFGSB",
    "MODES",
    "OPTIMISERS",
    "PAPER_WEIGHTS",
    "PGD",
    "Attack",
    "AttackResult",
    "Ball",
    "BoundAttack",
    "Classifier",
    "Ends",
    "ImagePairs",
    "LatentKL",
    "LatentL2",
    "LatentW2",
    "Layers",
    "LeastDistortion",
    "Minimum",
    "MinimumNorm",
    "Mode",
    "Objective",
    "Optimiser",
    "Output",
    "StopReason",
    "choose_pairs",
    "geometric_weights",
]

# options of commands read names and penalties, and torch takes seconds to import
__getattr__ = lazily(
    __name__,
    {
        "attack": ["Attack", "BoundAttack"],
        "ball": ["Ball"],
        "minimum_norm": ["LeastDistortion", "MinimumNorm"],
        "modes": ["Ends", "Layers", "Mode"],
        "objectives": [
            "MODES",
            "Classifier",
            "LatentKL",
            "LatentL2",
            "LatentW2",
            "Objective",
            "Output",
        ],
        "optimisers": ["LBFGSB", "OPTIMISERS", "PGD", "Optimiser"],
        "ddn": ["DDN"],
        "optimisers.minimum": ["Minimum", "StopReason"],
        "image_pairs": ["ImagePairs", "choose_pairs"],
        "penalties": ["PAPER_WEIGHTS", "geometric_weights"],
        "result": ["AttackResult"],
    },
)
