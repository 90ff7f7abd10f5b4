r"""The probability that a distortion moves a reconstruction by no more than r.

References:
    | Towards a Theoretical Understanding of the Robustness of Variational Autoencoders
      (Camuto, Willetts, Roberts, Holmes and Rainforth, 2021), Definition 1
    | https://arxiv.org/abs/2007.07365
"""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.reconstruction import reconstruct


@torch.no_grad()
def r_robustness(
    model: Program,
    guide: Program,
    x: Tensor,
    adversarial: Tensor,
    radius: ArrayLike,
    *,
    draws: int = 32,
    seed: int = 0,
) -> NDArray[np.float64]:
    r"""The probability that the reconstructions of two images are within r of each other.

    .. math::
        P\left( \|g(z^*) - g(z)\|_2 \le r \right), \qquad
        z^* \sim q(z \mid x + d), \; z \sim q(z \mid x)

    independently, where g is the mean image. A model is r-robust to d where it is above a half.
    Draws differ also at d = 0, so the number there is the one to compare with.

    Args:
        model: The model.
        guide: Its guide.
        x: The inputs, pixels in [0, 1], shape `(n, *image)`.
        adversarial: The distorted inputs, of that shape.
        radius: The radius r of each, in the L2 norm of pixels, shape `(n,)`.
        draws: Draws of either side.
        seed: Seeds the draws; the global generators are left alone.

    Returns:
        Probabilities, shape `(n,)`: the share of the draws.

    Example:
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=10)
        >>> x = torch.rand(2, 1, 8, 8)
        >>> r_robustness(family.model, family.guide, x, x, [100.0, 0.0], draws=4).tolist()
        [1.0, 0.0]
    """
    radii = np.asarray(radius, dtype=np.float64)
    shares = []
    for one, other, within in zip(x, adversarial, radii, strict=True):
        both = torch.stack([one, other]).repeat_interleave(draws, 0)
        drawn = reconstruct(model, guide, both, seed=seed).flatten(1).double()
        moved = torch.linalg.vector_norm(drawn[:draws] - drawn[draws:], dim=1)
        shares.append(float((moved <= within).double().mean()))
    return np.array(shares)
