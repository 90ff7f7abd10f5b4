"""The latent attack of the paper: the KL divergence of the posteriors."""

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from pyro_seatbelt.attacks.objectives.latent_objective import EstimatedObjective
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.posteriors import Posterior
from pyro_seatbelt.traces.sites import describe


class LatentKL(EstimatedObjective):
    r"""The Kullback-Leibler divergence of the posteriors, in nats (Eqs 13-15).

    .. math::
        \sum_{i \in \text{layers}} KL\left( q(z_i \mid x + d) \,\|\, q(z_i \mid x_t) \right)

    Where a layer is conditioned on a draw of the layer below, the draws on the two sides
    share their noise, and the divergence is averaged over the draws.

    Args:
        layers: `all` (Eq 15), `top`, `base` (Eq 14), or the names of some sites.
        estimator: `closed-form` uses the formula for diagonal Gaussians and the divergence
            registered with :func:`torch.distributions.kl.register_kl` for others. `samples`
            averages :math:`\log q(z \mid x + d) - \log q(z \mid x_t)` over the frozen draws from
            :math:`q(z \mid x + d)`, for pairs with no registered divergence: unbiased over the
            noise, but it can be negative, and an attacker exploits few draws. Use many.

    Example:
        >>> LatentKL("top").name
        'latent-kl'

        For a pair without a registered divergence, with many draws for each problem:

        >>> from pyro_seatbelt.attacks import Attack
        >>> attack = Attack(LatentKL(estimator="samples"), samples=64)
    """

    name = "latent-kl"

    def _layer(self, q: Posterior, target: Posterior, num_draws: int) -> Tensor:
        if self.estimator == "samples":
            terms = q.log_prob(q.value) - target.log_prob(q.value)
        elif (
            q.loc is not None
            and q.scale is not None
            and target.loc is not None
            and target.scale is not None
        ):
            terms = gaussian_kl(q.loc, q.scale, target.loc, target.scale)
        else:
            terms = q.sum_rows(_registered_kl(q, target))
        return terms.view(-1, num_draws).mean(1)


def gaussian_kl(loc: Tensor, scale: Tensor, target_loc: Tensor, target_scale: Tensor) -> Tensor:
    r"""The divergence between diagonal Gaussians, in nats.

    .. math::
        KL = \sum_j \tfrac{1}{2} \left( e^{2 r_j} - 1 - 2 r_j
        + \left( \frac{\mu_j - \mu_{t,j}}{\sigma_{t,j}} \right)^2 \right),
        \qquad r_j = \log \frac{\sigma_j}{\sigma_{t,j}}

    Written so that it keeps its digits where the two nearly agree, which is where a
    successful attack ends.

    Args:
        loc: Means, shape `(n, M)`.
        scale: Standard deviations, shape `(n, M)`.
        target_loc: Means of the second argument.
        target_scale: Its standard deviations.

    Returns:
        Shape `(n,)`.

    Example:
        >>> one, zero = torch.ones(1, 1), torch.zeros(1, 1)
        >>> gaussian_kl(one, one, zero, one)
        tensor([0.5000])
    """
    log_ratio = (scale / target_scale).log()
    of_scales = torch.expm1(2 * log_ratio) - 2 * log_ratio
    return 0.5 * (of_scales + ((loc - target_loc) / target_scale) ** 2).sum(1)


def _registered_kl(q: Posterior, target: Posterior) -> Tensor:
    try:
        return kl_divergence(q.fn, target.fn)
    except NotImplementedError as error:
        raise InputError(
            f"site '{q.site}': no KL divergence is registered between {describe(q.fn)} and "
            f"{describe(target.fn)}; register one with torch.distributions.kl.register_kl, or "
            "estimate it with LatentKL(estimator='samples') and several samples"
        ) from error
