"""How an attack searches: optimisers of many problems at once, which share one method."""

from collections.abc import Callable

from pyro_seatbelt.attacks.modes import OptimiserName
from pyro_seatbelt.attacks.optimisers.lbfgsb import LBFGSB
from pyro_seatbelt.attacks.optimisers.optimiser import Optimiser
from pyro_seatbelt.attacks.optimisers.pgd import PGD

__all__ = ["LBFGSB", "OPTIMISERS", "PGD", "Optimiser"]

OPTIMISERS: dict[OptimiserName, Callable[[int], Optimiser]] = {
    "lbfgsb": lambda iterations: LBFGSB(max_iterations=iterations),
    "pgd": lambda iterations: PGD(steps=iterations),
}
"""The optimisers that a command can name, with at most so many iterations."""
