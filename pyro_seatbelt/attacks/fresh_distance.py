"""A distance with other draws at every evaluation."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.objectives import Objective
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.traces.frozen_noise import noise_seed


class FreshDistance:
    """An unbiased estimate of an expected distance, from draws that no other evaluation has.

    Its gradient is that of the expectation over the guide's randomness (EOT). The two sides
    of a distance share each draw. The draws of an evaluation depend on the seed, on how many came
    before it and on the problem's number: the same search again has the same draws.

    Args:
        objective: The distance.
        pair: The model and the guide.
        target: The target of every problem, shape `(n, *image)`.
        numbers: Numbers of the problems.
        samples: Draws of a problem at each evaluation.
        seed: Of the draws.

    References:
        | Synthesizing Robust Adversarial Examples (Athalye et al., 2018)
        | https://arxiv.org/abs/1707.07397
    """

    def __init__(
        self,
        objective: Objective,
        pair: Pair,
        target: Tensor,
        numbers: Sequence[int],
        *,
        samples: int,
        seed: int,
    ) -> None:
        self.objective, self.pair, self.target = objective, pair, target
        self.numbers, self.samples, self.seed = numbers, samples, seed
        self.calls = 0

    def __call__(self, x: Tensor, problems: Tensor) -> Tensor:
        """The distances of distorted inputs, shape `(n,)`.

        Args:
            x: The inputs, shape `(n, *image)`.
            problems: Whose they are, shape `(n,)`.
        """
        self.calls += 1
        numbers = [self.numbers[row] for row in problems.tolist()]
        seed = noise_seed(self.seed, self.calls, "fresh")
        draws = LatentDraws.frozen(numbers, self.samples, seed=seed)
        distance = self.objective.bind(self.pair.of_rows(problems), self.target[problems], draws)
        return distance(x, torch.arange(len(x), device=x.device))
