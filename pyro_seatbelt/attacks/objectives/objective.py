r"""What an attacker minimises, read from the traces of a Pyro model and guide.

Every objective is a distance of the distorted input's posterior or reconstruction from the
target's, for each problem. :class:`~pyro_seatbelt.attacks.Attack` adds the penalty
:math:`\lambda \|d\|_2`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.modes import Layers
from pyro_seatbelt.attacks.pair import Pair

Distance = Callable[[Tensor, Tensor], Tensor]
"""Maps inputs `(n, *image)` and the problems `(n,)` that they belong to, to distances `(n,)`."""


class Objective(ABC):
    """A distance that an attack minimises (or maximises, when it has no target).

    Attributes:
        name: Its short name, as in the tables.
        needs_model: Whether it reads the model, too.
        of_bound: Whether it reads the bound, and not the posterior of every layer by itself.
    """

    name: ClassVar[str]
    needs_model: ClassVar[bool] = False
    of_bound: ClassVar[bool] = False
    layers: Layers = "all"

    @property
    def settings(self) -> dict[str, Any]:
        """All besides the name that decides its numbers, as JSON has it."""
        return vars(self)

    @abstractmethod
    def bind(self, pair: Pair, target: Tensor, draws: LatentDraws) -> Distance:
        """Fixes the pair, the targets and the draws.

        Args:
            pair: The model and the guide.
            target: The target of every problem, shape `(P, *image)`.
            draws: The draws of every problem.

        Returns:
            The distance, differentiable in the inputs; row i depends on input i alone.
        """
