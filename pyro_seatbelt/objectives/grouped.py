"""The total correlation inside groups of dimensions."""

from collections.abc import Sequence
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor

from pyro_seatbelt.objectives.aggregate import Mixture, aggregate_log_density, aggregate_sums


def total_correlation_within(mixture: Mixture, groups: Sequence[int]) -> Tensor:
    r"""Sums the total correlation of every group of neighbouring dimensions.

    .. math::
        \sum_i a_i \sum_g \Big( \log q(z_{i,g}) - \sum_{d \in g} \log q(z_{i,d}) \Big)

    with the estimates of :mod:`~pyro_seatbelt.objectives.aggregate`: by weighted sampling (MWS) a
    group of :math:`D_g` dimensions is about :math:`(D_g - 1) \log N` too high.

    Args:
        mixture: Draws and posteriors of a minibatch.
        groups: How many dimensions each group has.

    Returns:
        A scalar, in nats.

    Raises:
        ValueError: When the groups do not have the dimensions of the draws.

    Example:
        >>> z, half = torch.zeros(2, 3), torch.tensor([[0.5, 0.5], [0.5, 0.5]])
        >>> mixture = Mixture(z, dist.Normal(z, 1.0), half.log(), torch.ones(2), -1)
        >>> total_correlation_within(mixture, (2, 1))
        tensor(0.)
    """
    z, _, log_weights, rows, dim = mixture
    posterior: Any = mixture.posterior  # a Normal has parameters that others do not have
    if sum(groups) != z.shape[-1]:
        raise ValueError(
            f"expected groups of {z.shape[-1]} dimensions together, got "
            f"{' + '.join(map(str, groups))} = {sum(groups)}"
        )
    ends = torch.tensor(groups).cumsum(0).tolist()
    parts = [slice(end - size, end) for size, end in zip(groups, ends, strict=True) if size > 1]
    total = z.new_zeros(())
    if type(posterior) in (torch.distributions.Normal, dist.Normal):
        for part in parts:
            loc, scale = posterior.loc[..., part], posterior.scale[..., part]
            sums = aggregate_sums(z[..., part], dist.Normal(loc, scale), log_weights, rows, dim=dim)
            total = total + sums.joint - sums.marginal.sum()
        return total
    axis = dim - 1
    pairs = z.movedim(axis, 0).unsqueeze(axis)  # the pair axis leads, as a sample shape does
    log_q = posterior.log_prob(pairs).movedim(axis, 1)  # (i, j, *, D)
    for part in parts:
        density = aggregate_log_density(log_q[..., part], log_weights)
        total = total + (rows.movedim(dim, 0) * (density.joint - density.marginal.sum(-1))).sum()
    return total
