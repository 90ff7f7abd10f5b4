"""The latent attack by the 2-Wasserstein distance of the posteriors."""

import math

import torch
from torch import Tensor

from pyro_seatbelt.attacks.objectives.latent_objective import EstimatedObjective
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.plates import rows_first
from pyro_seatbelt.traces.posteriors import Posterior
from pyro_seatbelt.traces.sites import describe


class LatentW2(EstimatedObjective):
    r"""The 2-Wasserstein distance of the posteriors.

    .. math::
        \sum_{i \in \text{layers}} W_2\left( q(z_i \mid x + d), q(z_i \mid x_t) \right), \qquad
        W_2^2 = \|\mu - \mu_t\|_2^2 + \|\sigma - \sigma_t\|_2^2

    With K draws, the squares are averaged over the draws before the root is taken.

    Args:
        layers: `all`, `top`, `base`, or the names of some sites.
        estimator: `closed-form` is the formula for diagonal Gaussians. `samples` takes the root
            mean square of the differences between the two sides' draws, which share their noise:
            an estimate of the cost of one coupling, so of an upper bound on the distance (the
            distance itself, for factorised location-scale families). Use many draws.

    Example:
        >>> LatentW2(["z1"]).layers
        ['z1']

        For posteriors that are not Gaussian, with many draws for each problem:

        >>> from pyro_seatbelt.attacks import Attack
        >>> attack = Attack(LatentW2(estimator="samples"), samples=64)
    """

    name = "latent-w2"

    def _layer(self, q: Posterior, target: Posterior, num_draws: int) -> Tensor:
        if self.estimator == "samples":
            difference = rows_first(q.value, q.axis) - rows_first(target.value, target.axis)
        elif q.loc is None or q.scale is None or target.loc is None or target.scale is None:
            raise InputError(
                f"site '{q.site}': the 2-Wasserstein distance has a closed form for diagonal "
                f"Gaussians, not for {describe(q.fn)}; estimate it with "
                "LatentW2(estimator='samples') and several samples"
            )
        else:
            difference = torch.cat([q.loc - target.loc, q.scale - target.scale], 1)
        # one norm, because its gradient at 0 is 0, where that of a root of squares is NaN
        norm: Tensor = torch.linalg.vector_norm(
            difference.reshape(-1, num_draws * difference.shape[1]), dim=1
        )
        return norm / math.sqrt(num_draws)
