r"""Likelihoods of pixels in [0, 1] given the decoder's output.

References:
    | The continuous Bernoulli (Loaiza-Ganem and Cunningham, 2019), https://arxiv.org/abs/1907.06845
    | Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2021),
      https://arxiv.org/abs/2006.13202 (the learned scale)
"""

import math
from collections.abc import Callable
from typing import Literal

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.distributions import constraints

from pyro_seatbelt.family import LikelihoodName

MIN_LEARNED_SCALE = 1e-3
DEFAULT_SCALE = 0.1


class GreyBernoulli(dist.Bernoulli):  # type: ignore[misc]
    r"""A Bernoulli whose log-probability also takes grey values in [0, 1].

    :math:`x \log p + (1 - x) \log(1 - p)`, as Chen et al. use it: a density up
    to a constant for grey pixels, a probability for black and white ones.
    Draws are black or white.

    Example:
        >>> GreyBernoulli(logits=torch.zeros(1)).log_prob(torch.tensor([0.3]))
        tensor([-0.6931])
    """

    support = constraints.unit_interval
    has_enumerate_support = False


class Likelihood(nn.Module):
    """A distribution over images, given one real number per pixel.

    Args:
        name: One of `bernoulli`, `continuous-bernoulli`, `gaussian`, `laplace`.
        scale: For `gaussian` and `laplace`: the fixed scale, in pixel units, or
            `learned` for one parameter shared by all pixels, which starts there and stays above
            0.001. The default is 0.1.

    Raises:
        ValueError: On an unknown name, a scale that is not positive, or a scale
            for a Bernoulli.

    Example:
        >>> Likelihood("laplace", scale=0.2)(torch.zeros(5, 1, 8, 8)).event_shape
        torch.Size([1, 8, 8])
    """

    def __init__(
        self, name: LikelihoodName, *, scale: float | Literal["learned"] | None = None
    ) -> None:
        super().__init__()
        if name not in LIKELIHOODS:
            raise ValueError(f"unknown likelihood '{name}': choose from {', '.join(LIKELIHOODS)}")
        if scale is not None and name in ("bernoulli", "continuous-bernoulli"):
            raise ValueError(f"the {name} likelihood has no scale, got {scale!r}: leave it out")
        if isinstance(scale, str) and scale != "learned":
            raise ValueError(f"expected a likelihood scale > 0 or 'learned', got '{scale}'")
        if isinstance(scale, int | float) and not 0 < scale < math.inf:
            raise ValueError(f"expected a likelihood scale > 0 or 'learned', got {scale}")
        self.name = name
        self.scale = DEFAULT_SCALE if scale is None or scale == "learned" else float(scale)
        self.log_scale: nn.Parameter | None = None
        if scale == "learned":
            self.log_scale = nn.Parameter(torch.tensor(self.scale - MIN_LEARNED_SCALE).log())

    def forward(self, logits: Tensor) -> dist.Independent:
        """Conditions on the decoder's output.

        Args:
            logits: Shape :math:`(*, C, H, W)`.

        Returns:
            A distribution of event shape :math:`(C, H, W)`.
        """
        # a learned scale runs to zero on images that the decoder fits exactly: it has a floor
        scale = self.scale if self.log_scale is None else MIN_LEARNED_SCALE + self.log_scale.exp()
        pixels: dist.Independent = LIKELIHOODS[self.name](logits, scale).to_event(3)
        return pixels


LIKELIHOODS: dict[LikelihoodName, Callable[[Tensor, Tensor | float], dist.TorchDistribution]] = {
    "bernoulli": lambda logits, _: GreyBernoulli(logits=logits),
    "continuous-bernoulli": lambda logits, _: dist.ContinuousBernoulli(logits=logits),
    "gaussian": lambda logits, scale: dist.Normal(logits.sigmoid(), scale),
    "laplace": lambda logits, scale: dist.Laplace(logits.sigmoid(), scale),
}
