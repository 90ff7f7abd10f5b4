"""The draws that an attack freezes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyro_seatbelt.traces.frozen_noise import FrozenNoise


@dataclass(frozen=True)
class LatentDraws:
    """How the latent sites of an attack get their values.

    Attributes:
        num: Draws K for each problem.
        noise: Their noise, with the row ``problem * num + k`` for draw k; None puts every site
            at its mean.
    """

    num: int
    noise: FrozenNoise | None

    @staticmethod
    def at_mean() -> "LatentDraws":
        """Every site at its mean: nothing is drawn."""
        return LatentDraws(1, None)

    @staticmethod
    def frozen(problems: Sequence[int], num: int, *, seed: int) -> "LatentDraws":
        """K draws for each problem, whose noise depends on the seed and its number alone."""
        keys = [(k << 40) + problem for problem in problems for k in range(num)]
        return LatentDraws(num, FrozenNoise(keys, seed=seed))

    def rows(self, problems: Tensor) -> Tensor:
        """Rows of the noise for some problems, shape `(n * num,)`."""
        return (problems.cpu()[:, None] * self.num + torch.arange(self.num)).flatten()

    def repeat(self, x: Tensor) -> Tensor:
        """Repeats each row once per draw: `(n, ...)` to `(n * num, ...)`."""
        return x if self.num == 1 else x.repeat_interleave(self.num, 0)

    def mean(self, values: Tensor) -> Tensor:
        """Averages over the draws: `(n * num,)` to `(n,)`."""
        return values.view(-1, self.num).mean(1)
