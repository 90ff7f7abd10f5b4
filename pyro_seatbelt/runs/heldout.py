"""The held-out numbers of a run while it trains, and what they cost."""

import logging
import time

from torch import Tensor

from pyro_seatbelt.data import ImageSource
from pyro_seatbelt.evaluation import evaluate_heldout
from pyro_seatbelt.presets import Family
from pyro_seatbelt.training.metrics import Metrics

logger = logging.getLogger(__name__)

_WORTH_SAYING = 5.0
"""Seconds that an evaluation may take whatever the training between takes."""


class HeldoutNumbers:
    """Evaluates a run on held-out images, and says once if that takes longer than training.

    Args:
        family: What is trained.
        images: Where the images come from.
        heldout: Which of them are held out, int64, shape `(n,)`.
        seed: Of the draws.
    """

    def __init__(self, family: Family, images: ImageSource, heldout: Tensor, *, seed: int) -> None:
        self._family = family
        self._images = images
        self._heldout = heldout
        self._seed = seed
        self._since = time.monotonic()
        self._said = False

    def __call__(self) -> Metrics:
        """Means over the images, in nats per image."""
        begun = time.monotonic()
        found = evaluate_heldout(
            self._family.model,
            self._family.guide,
            self._images,
            self._heldout,
            latent=self._family.objective.latent,
            seed=self._seed,
        )
        ended = time.monotonic()
        trained, took = begun - self._since, ended - begun
        if took > max(trained, _WORTH_SAYING) and not self._said:
            logger.warning(
                "evaluating %d held-out images took %.0f s, the training before it %.0f s: a "
                "larger --eval-every or a smaller --eval-images leaves more time for training",
                len(self._heldout),
                took,
                trained,
            )
            self._said = True
        self._since = ended
        return found.model_dump()
