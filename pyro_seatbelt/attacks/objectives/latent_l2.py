"""The latent attack by the Euclidean distance of the posteriors' means or draws."""

from typing import Literal

import torch
from torch import Tensor

from pyro_seatbelt.attacks.modes import Layers
from pyro_seatbelt.attacks.objectives.latent_objective import LatentObjective
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.plates import rows_first
from pyro_seatbelt.traces.posteriors import Posterior
from pyro_seatbelt.traces.sites import describe


class LatentL2(LatentObjective):
    r"""The Euclidean distance between the means of the posteriors, or between draws.

    .. math::
        \sum_{i \in \text{layers}} \|\mu_i(x + d) - \mu_i(x_t)\|_2
        \quad \text{or} \quad \sum_{i \in \text{layers}} \|z_i - z_i'\|_2

    The draws :math:`z_i \sim q(z_i \mid x + d)` and :math:`z_i' \sim q(z_i \mid x_t)` share
    their noise. With K draws, the distances are averaged.

    Args:
        between: `means` or `draws`.
        layers: `all`, `top`, `base`, or the names of some sites.

    References:
        | Adversarial Examples for Generative Models (Kos et al., 2018)
        | https://arxiv.org/abs/1702.06832

    Example:
        >>> LatentL2("draws", layers="base").name
        'latent-l2'
    """

    name = "latent-l2"

    def __init__(
        self, between: Literal["means", "draws"] = "means", *, layers: Layers = "all"
    ) -> None:
        super().__init__(layers)
        if between not in ("means", "draws"):
            raise InputError(f"expected LatentL2 between 'means' or 'draws', got {between!r}")
        self.between = between

    def _layer(self, q: Posterior, target: Posterior, num_draws: int) -> Tensor:
        one, other = (
            rows_first(p.value, p.axis) if self.between == "draws" else _mean(p)
            for p in (q, target)
        )
        norms: Tensor = torch.linalg.vector_norm(one - other, dim=1)
        return norms.view(-1, num_draws).mean(1)


def _mean(posterior: Posterior) -> Tensor:
    if posterior.loc is not None:
        return posterior.loc
    try:
        return rows_first(posterior.fn.mean, posterior.axis)
    except NotImplementedError as error:
        raise InputError(
            f"site '{posterior.site}': {describe(posterior.fn)} has no mean; compare draws, with "
            "LatentL2('draws')"
        ) from error
