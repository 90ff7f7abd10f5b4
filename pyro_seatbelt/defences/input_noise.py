r"""Noise on what the guide sees.

References:
    | Denoising Criterion for Variational Auto-Encoding Framework (Im et al., 2017)
    | https://arxiv.org/abs/1511.06406
"""

import math

import torch
from torch import Tensor

from pyro_seatbelt.defences.defence import Defence, DefendedLoss
from pyro_seatbelt.defences.pixel_range import PixelRange
from pyro_seatbelt.defences.shown_loss import TraceObjective
from pyro_seatbelt.errors import InputError


class InputNoise(Defence):
    r"""Shows the guide :math:`x + s \epsilon`, clamped to the range of the pixels.

    The model observes the clean :math:`x`: the posterior of a noisy image must explain the image
    without the noise. Each image and step has one :math:`\epsilon \sim N(0, 1)` per pixel, from
    torch's generator, which all particles share. Statistics of batch normalisation are those of
    the noisy images.

    Args:
        objective: A bound on traces, or another defence.
        scale: The standard deviation :math:`s`, in the units of the pixels.
        pixels: Least and largest value of a pixel.

    Raises:
        InputError: When the scale is not a positive number.

    Example:
        >>> from pyro.infer import Trace_ELBO
        >>> from pyro_seatbelt import presets
        >>> pair = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> loss = InputNoise(Trace_ELBO(), 0.1)(pair.model, pair.guide)
        >>> loss(torch.rand(5, 1, 8, 8)).backward()
    """

    def __init__(
        self, objective: TraceObjective, scale: float, *, pixels: tuple[float, float] = (0.0, 1.0)
    ) -> None:
        super().__init__(objective)
        if not 0 < scale < math.inf:
            raise InputError(f"expected a finite scale > 0 of the noise, got {scale}")
        self.scale = scale
        self.pixels = PixelRange(*pixels)

    def loss(self, around: DefendedLoss, x: Tensor, seen: Tensor) -> Tensor:
        """Estimates the loss with fresh noise (see :class:`Defence`)."""
        noisy = self.pixels.clamp(seen + self.scale * torch.randn_like(seen))
        loss: Tensor = around.inner(x, noisy)
        return loss
