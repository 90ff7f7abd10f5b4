r"""Smooth encoders: posteriors that stay where they are when the image is attacked.

References:
    | Adversarially Robust Representations with Smooth Encoders (Cemgil et al., 2020)
    | https://openreview.net/forum?id=H1gfFaEYDS
"""

import math

import torch
from pyro.distributions.util import scale_and_mask, sum_rightmost
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from pyro_seatbelt.defences.defence import Defence, DefendedLoss
from pyro_seatbelt.defences.posterior_attack import PosteriorAttack
from pyro_seatbelt.defences.shown_loss import TraceObjective
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.sites import Site, describe, sample_sites


class SmoothEncoder(Defence):
    r"""Adds the cost of coupling the posteriors of attacked and clean images.

    .. math::
        -\mathcal{L}(x) + \frac{\gamma}{2} \sum_i
            W_2^2\left( q(z_i \mid x + d), q(z_i \mid x) \right), \qquad
        W_2^2 = \|\mu - \mu_d\|_2^2 + \|\sigma - \sigma_d\|_2^2

    with the bound :math:`\mathcal{L}` of the objective, of clean images, and the :math:`d` of
    :class:`PosteriorAttack`. The square of the 2-Wasserstein distance is
    :math:`E \|z - z_d\|_2^2` under the optimal coupling of two diagonal Gaussians, which is
    :math:`z = \mu + \sigma \epsilon` with one :math:`\epsilon`. In a hierarchy the sum is over all
    layers; a layer that is conditioned on a draw of another is compared at draws that share their
    noise. Gradients go to both posteriors, not through :math:`d`.

    Cemgil et al. minimise an entropy-regularised Wasserstein divergence and hold the
    posterior of the fictive image to the prior as well: the bound of a pair :math:`(x, x + d)`.
    Here the coupling is the optimal one without that entropy, and neither the prior nor the
    likelihood sees :math:`x + d`: at :math:`\gamma = 0` the loss is that of the objective.

    The term has the scale and the mask of the guide's sites, so it stands for the data set as the
    bound does. Batch normalisation has the statistics of the clean minibatch on both sides, with
    gradients. Without gradients, as where those statistics are calibrated, the term is left out.

    Args:
        objective: A bound on traces, or another defence.
        weight: The weight :math:`\gamma`, in nats per squared unit of the latent space.
        attack: How the images are attacked.

    Raises:
        InputError: When the weight is not a positive number; while running, when a site is no
            diagonal Gaussian.

    Example:
        >>> from pyro.infer import Trace_ELBO
        >>> from pyro_seatbelt import presets
        >>> pair = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> smooth = SmoothEncoder(Trace_ELBO(), 10.0, PosteriorAttack(0.5))
        >>> smooth(pair.model, pair.guide)(torch.rand(5, 1, 8, 8)).backward()
    """

    def __init__(self, objective: TraceObjective, weight: float, attack: PosteriorAttack) -> None:
        super().__init__(objective)
        if not 0 < weight < math.inf:
            raise InputError(f"expected a finite weight > 0 of the coupling, got {weight}")
        self.weight = weight
        self.attack = attack

    def loss(self, around: DefendedLoss, x: Tensor, seen: Tensor) -> Tensor:
        """Estimates the loss with the coupling (see :class:`Defence`)."""
        loss: Tensor = around.inner(x, seen)
        if not torch.is_grad_enabled():
            return loss
        attacked = self.attack(around.pair(seen), seen)
        clean, moved = sample_sites(attacked.clean), sample_sites(attacked.trace())
        for site in attacked.pair.layers:
            loss = loss + self.weight / 2 * coupling_cost(clean[site], moved[site])
        return loss


def coupling_cost(clean: Site, moved: Site) -> Tensor:
    r"""Sums :math:`W_2^2` of two diagonal Gaussians over the images that a site stands for.

    Args:
        clean: A site of the guide; its scale and mask count.
        moved: The same site on other images.

    Returns:
        A scalar, in squared units of the latent space.

    Raises:
        InputError: When the site is no diagonal Gaussian.
    """
    here, there = _normal(clean), _normal(moved)
    squares = (here.loc - there.loc) ** 2 + (here.scale - there.scale) ** 2
    terms = sum_rightmost(squares, clean["fn"].event_dim)
    weighed: Tensor = scale_and_mask(terms, clean["scale"], clean["mask"])
    return weighed.sum()


def _normal(site: Site) -> Normal:
    base: Distribution = site["fn"]
    while isinstance(base, Independent):
        base = base.base_dist
    if not isinstance(base, Normal):
        raise InputError(
            f"site '{site['name']}': the coupling has a closed form for diagonal Gaussians, not "
            f"for {describe(site['fn'])}: use dist.Normal(loc, scale).to_event(1), or "
            "AdversarialTraining"
        )
    return base
