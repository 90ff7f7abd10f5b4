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

from pyro_seatbelt.family import DataRangeName, LikelihoodName

MIN_LEARNED_SCALE = 1e-3
DEFAULT_SCALE = 0.1

PIXELS_PER_UNIT: dict[DataRangeName, float] = {"unit": 1.0, "signed": 0.5}
"""What a unit of a data range is in [0, 1]."""


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
    r"""A distribution over images, given one real number per pixel.

    Args:
        name: One of `bernoulli`, `continuous-bernoulli`, `gaussian`, `laplace`.
        scale: For `gaussian` and `laplace`: the fixed scale, in units of the data range, or
            `learned` for one parameter shared by all pixels, which starts there and stays above
            0.001. The default is 0.1.
        data_range: Where the scale is meant: `unit` for pixels x in [0, 1], `signed` for
            :math:`y = 2x - 1` in [-1, 1]. The distribution is over x either way: a Gaussian of y
            with scale s is one of x with scale s/2, and its log-density there is larger by the
            log-Jacobian :math:`C H W \log 2`, whatever the parameters.

    Raises:
        ValueError: On an unknown name, a scale that is not positive, or a scale
            or signed pixels for a Bernoulli.

    Example:
        >>> Likelihood("laplace", scale=0.2)(torch.zeros(5, 1, 8, 8)).event_shape
        torch.Size([1, 8, 8])
        >>> signed = Likelihood("gaussian", scale=0.1, data_range="signed")
        >>> signed(torch.zeros(1, 2, 2)).base_dist.scale[0, 0, 0]
        tensor(0.0500)
    """

    def __init__(
        self,
        name: LikelihoodName,
        *,
        scale: float | Literal["learned"] | None = None,
        data_range: DataRangeName = "unit",
    ) -> None:
        super().__init__()
        if name not in LIKELIHOODS:
            raise ValueError(f"unknown likelihood '{name}': choose from {', '.join(LIKELIHOODS)}")
        if data_range not in PIXELS_PER_UNIT:
            raise ValueError(
                f"unknown data range '{data_range}': choose from {', '.join(PIXELS_PER_UNIT)}"
            )
        if data_range == "signed" and name not in ("gaussian", "laplace"):
            raise ValueError(
                f"the {name} likelihood takes pixels in [0, 1], got the data range 'signed': "
                "choose gaussian or laplace, or leave it out"
            )
        if scale is not None and name in ("bernoulli", "continuous-bernoulli"):
            raise ValueError(f"the {name} likelihood has no scale, got {scale!r}: leave it out")
        if isinstance(scale, str) and scale != "learned":
            raise ValueError(f"expected a likelihood scale > 0 or 'learned', got '{scale}'")
        if isinstance(scale, int | float) and not 0 < scale < math.inf:
            raise ValueError(f"expected a likelihood scale > 0 or 'learned', got {scale}")
        self.name = name
        self.pixels_per_unit = PIXELS_PER_UNIT[data_range]
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
        pixels: dist.Independent = LIKELIHOODS[self.name](
            logits, scale * self.pixels_per_unit
        ).to_event(3)
        return pixels


LIKELIHOODS: dict[LikelihoodName, Callable[[Tensor, Tensor | float], dist.TorchDistribution]] = {
    "bernoulli": lambda logits, _: GreyBernoulli(logits=logits),
    "continuous-bernoulli": lambda logits, _: dist.ContinuousBernoulli(logits=logits),
    "gaussian": lambda logits, scale: dist.Normal(logits.sigmoid(), scale),
    "laplace": lambda logits, scale: dist.Laplace(logits.sigmoid(), scale),
}
