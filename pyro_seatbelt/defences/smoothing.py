r"""Randomised smoothing of an encoder: what it says of an image, averaged over noise.

References:
    | Certified Adversarial Robustness via Randomized Smoothing (Cohen et al., 2019)
    | https://arxiv.org/abs/1902.02918
    | Provably Robust Deep Learning via Adversarially Trained Smoothed Classifiers (Salman et al.,
      2019), Lemma 1
    | https://arxiv.org/abs/1906.04584
"""

import math

import torch
from torch import Tensor, nn

from pyro_seatbelt.traces.inner_draws import inner_draw, standard_normal


class SmoothedEncoder(nn.Module):
    r"""An encoder whose features are averaged over Gaussian noise on the image.

    .. math::
        \bar f(x) = \frac{1}{K} \sum_k P_R\left(f(x + \sigma \varepsilon_k)\right),
        \quad \varepsilon_k \sim N(0, I)

    where :math:`P_R` projects onto the ball of a radius R, if there is one. The noise is drawn by
    :func:`~pyro_seatbelt.traces.inner_draws.inner_draw`: an attack's frozen noise fixes it for
    each row, at posterior means it is the same for all images, and fresh draws are fresh. The
    gradient goes through the average. The noisy image is not clamped: the proof of
    :func:`smoothed_lipschitz` needs Gaussian noise. Memory and time are those of K encoders.

    Args:
        encoder: Maps images `(n, *image)` to features `(n, F)`.
        scale: Standard deviation :math:`\sigma` of the noise, in pixel units.
        num_draws: How many draws K are averaged.
        radius: Radius of the ball onto which features are projected; None leaves them as they are.

    Raises:
        ValueError: If the scale, the draws or the radius are out of bounds.

    Example:
        >>> encoder = SmoothedEncoder(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), 0.25)
        >>> encoder(torch.rand(5, 1, 8, 8)).shape
        torch.Size([5, 3])
    """

    def __init__(
        self, encoder: nn.Module, scale: float, num_draws: int = 8, *, radius: float | None = None
    ) -> None:
        super().__init__()
        if not scale > 0:
            raise ValueError(f"expected scale > 0, got {scale}: without noise, use the encoder")
        if num_draws < 1:
            raise ValueError(f"expected num_draws >= 1, got {num_draws}")
        if radius is not None and not radius > 0:
            raise ValueError(f"expected radius > 0 or None, got {radius}")
        self.encoder = encoder
        self.scale = scale
        self.num_draws = num_draws
        self.radius = radius

    def forward(self, x: Tensor) -> Tensor:
        """Encodes images.

        Args:
            x: Pixels in [0, 1], shape `(n, *image)`.

        Returns:
            Features, shape `(n, F)`.
        """
        copies = x[:, None].expand(-1, self.num_draws, *x.shape[1:])
        noise = inner_draw("smoothing", standard_normal(copies))
        features: Tensor = self.encoder((copies + self.scale * noise).flatten(0, 1))
        if self.radius is not None:
            features = project(features, self.radius)
        average: Tensor = features.unflatten(0, (len(x), self.num_draws)).mean(1)
        return average


def project(features: Tensor, radius: float) -> Tensor:
    """Projects rows onto a ball in L2.

    Args:
        features: Shape `(n, F)`.
        radius: Radius of the ball.

    Example:
        >>> project(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 1.0)
        tensor([[0.6000, 0.8000],
                [0.3000, 0.4000]])
    """
    norm: Tensor = torch.linalg.vector_norm(features, dim=-1, keepdim=True)
    return features * (radius / norm.clamp(min=radius))


def smoothed_lipschitz(radius: float, scale: float) -> float:
    r"""Bounds how fast a smoothed function of bounded values can change.

    For measurable f with :math:`\|f\| \le R` and :math:`\bar f(x) = E f(x + \sigma \varepsilon)`,

    .. math::
        \|\bar f(x) - \bar f(y)\|_2 \le R \sqrt{2 / \pi} \; \|x - y\|_2 / \sigma

    Proof. The density of :math:`N(x, \sigma^2 I)` is smooth in x, so
    :math:`\nabla \bar f(x) = E[f(x + \sigma \varepsilon) \varepsilon^T] / \sigma`. For unit u, v:
    :math:`u^T \nabla \bar f(x) v = E[u^T f \; \varepsilon^T v] / \sigma \le R \,
    E|\varepsilon^T v| / \sigma = R \sqrt{2 / \pi} / \sigma`, because :math:`|u^T f| \le R` and
    :math:`\varepsilon^T v \sim N(0, 1)`. This bounds the spectral norm of the Jacobian
    everywhere, and the mean value theorem does the rest. It is attained at 0 by
    :math:`f(x) = R \,\mathrm{sign}(x)`.

    It holds for the exact expectation. An average of K draws is within
    :math:`O(R / \sqrt K)` of that at a given image, which says nothing of what an attacker who
    knows the draws can find.

    Args:
        radius: R, the largest norm of a value.
        scale: Standard deviation :math:`\sigma` of the noise, in pixel units.

    Returns:
        The Lipschitz constant in L2, in units of f per pixel unit.

    Raises:
        ValueError: If the radius or the scale is out of bounds.

    Example:
        >>> round(smoothed_lipschitz(radius=1.0, scale=0.5), 4)
        1.5958
    """
    if not (radius >= 0 and scale > 0):
        raise ValueError(f"expected radius >= 0 and scale > 0, got {radius} and {scale}")
    return radius * math.sqrt(2 / math.pi) / scale
