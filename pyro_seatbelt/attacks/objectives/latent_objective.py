"""Distances between posteriors: what latent attacks have in common."""

from abc import abstractmethod
from typing import Literal, get_args

import torch
from torch import Tensor

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.modes import Layers
from pyro_seatbelt.attacks.objectives.objective import Distance, Objective
from pyro_seatbelt.attacks.objectives.target_posteriors import TargetPosteriors
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.posteriors import Posterior

LatentEstimator = Literal["closed-form", "samples"]
"""How a distance between two posteriors is got: by a formula, or from draws."""


class LatentObjective(Objective):
    """A sum over layers of a distance between posteriors, a mean over the draws (Eqs 13-15)."""

    def __init__(self, layers: Layers = "all") -> None:
        self.layers = layers

    @abstractmethod
    def _layer(self, q: Posterior, target: Posterior, num_draws: int) -> Tensor:
        """The distance at one layer, shape `(n,)`, from posteriors of ``n * num_draws`` rows."""

    def bind(self, pair: Pair, target: Tensor, draws: LatentDraws) -> Distance:
        """Reads the targets' posteriors once where they are Gaussian (see :class:`Objective`)."""
        targets = TargetPosteriors(pair, target, draws)

        def distance(x: Tensor, problems: Tensor) -> Tensor:
            posteriors = pair.posteriors(pair.trace_guide(draws.repeat(x), draws, problems))
            aims = targets.of(problems)
            layers = [self._layer(posteriors[s], aims[s], draws.num) for s in pair.layers]
            return torch.stack(layers).sum(0)

        return distance


class EstimatedObjective(LatentObjective):
    """A distance that a formula gives for some families, and draws for any.

    Raises:
        InputError: For an unknown estimator.
    """

    def __init__(
        self, layers: Layers = "all", *, estimator: LatentEstimator = "closed-form"
    ) -> None:
        super().__init__(layers)
        choices = get_args(LatentEstimator)
        if estimator not in choices:
            among = " or ".join(map(repr, choices))
            raise InputError(f"expected {type(self).__name__} estimator {among}, got {estimator!r}")
        self.estimator = estimator
