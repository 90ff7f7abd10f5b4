"""How an attack searches: optimisers of many problems at once, which share one method."""

from collections.abc import Callable

from pyro_seatbelt.attacks.optimisers.lbfgsb import LBFGSB
from pyro_seatbelt.attacks.optimisers.optimiser import Optimiser
from pyro_seatbelt.attacks.optimisers.pgd import PGD

__all__ = ["LBFGSB", "OPTIMISERS", "PGD", "Optimiser"]

OPTIMISERS: dict[str, Callable[[], Optimiser]] = {
    "lbfgsb-scipy": lambda: LBFGSB(backend="scipy"),
    "lbfgsb-torch": lambda: LBFGSB(backend="torch"),
    "pgd": PGD,
}
"""What the contract suite runs: every optimiser in each of its forms, with default settings."""
