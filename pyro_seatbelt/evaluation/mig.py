r"""The mutual information gap: does one latent dimension alone tell a factor?

References:
    | Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018),
      Section 4 and Appendix B
    | https://arxiv.org/abs/1802.04942
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from pyro_seatbelt.data.subset import even_subset
from pyro_seatbelt.evaluation.encodings import Encoding, in_pieces, rows_of
from pyro_seatbelt.objectives.aggregate import exact_log_density


class MutualInformationGap(NamedTuple):
    r"""How much each latent dimension says of each factor.

    Attributes:
        gap: The mutual information gap: mean over factors of the difference between the two
            dimensions that say most, as a share of the factor's entropy. From 0 to 1.
        information: :math:`I(z_j; v_k)` in nats, shape `(D, factors)`.
        entropies: :math:`H(v_k)` in nats, shape `(factors,)`.
        factors: Names of the factors, those with more than one value.
    """

    gap: float
    information: NDArray[np.float64]
    entropies: NDArray[np.float64]
    factors: tuple[str, ...]


def mutual_information_gap(
    encoding: Encoding,
    factors: Mapping[str, NDArray[np.int64]],
    *,
    num_draws: int = 1000,
) -> MutualInformationGap:
    r"""Computes the mutual information gap of one layer.

    :math:`I(z_j; v_k) = H(z_j) - H(z_j \mid v_k)`, both entropies as means of
    :math:`-\log q(z_j)` and :math:`-\log q(z_j \mid v_k)` over the same draws. The densities are
    exact mixtures over the encoded images, all of them and those that share the draw's value
    of the factor; the draws come from some of the images, evenly spread. Where few images share a
    value, the information comes out too high, at most by the logarithm of one over their share.
    Work grows with :math:`N` times `num_draws` times D, memory with :math:`N D`.

    Args:
        encoding: Draws and posteriors of the layer for N images.
        factors: Known factors by name, class numbers of shape `(N,)`.
        num_draws: Images whose draws the entropies are averaged over, at most N.

    Returns:
        The gap, and what it is made of. A layer of one dimension has nothing to compare it with:
        its gap is its information.

    Raises:
        ValueError: When no factor has more than one value, or one has another length.

    Example:
        >>> from torch.distributions import Normal
        >>> shape = np.arange(300) % 3
        >>> means = torch.stack([torch.as_tensor(shape) * 10.0, torch.zeros(300)], 1)
        >>> posterior = Normal(means, 1.0)
        >>> encoding = Encoding(posterior.sample(), posterior)
        >>> mutual_information_gap(encoding, {"shape": shape}, num_draws=100).gap > 0.99
        True
    """
    draws, posterior = encoding
    count = len(draws)
    values = varying(factors, count)
    if not values:
        raise ValueError("expected a factor with more than one value, got none")
    rows = torch.from_numpy(np.sort(even_subset(min(num_draws, count), count))).to(draws.device)
    points = draws[rows]
    total = exact_log_density(points, in_pieces(posterior)).marginal
    information, entropies = [], []
    for numbers in values.values():
        conditional = torch.empty_like(total)
        _, classes, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        labels = torch.from_numpy(classes).to(draws.device)
        order, at = labels.argsort(stable=True), np.concatenate([[0], counts.cumsum()])
        for value in labels[rows].unique().tolist():
            mine = labels[rows] == value
            same = order[at[value] : at[value + 1]]
            pieces = in_pieces(rows_of(posterior, same))
            conditional[mine] = exact_log_density(points[mine], pieces).marginal
        information.append((conditional - total).cpu().double().mean(0).numpy())
        shares = counts / count
        entropies.append(float(-(shares * np.log(shares)).sum()))
    table = np.stack(information, 1)
    return MutualInformationGap(
        gap=_gap(table / np.array(entropies)),
        information=table,
        entropies=np.array(entropies),
        factors=tuple(values),
    )


def varying(factors: Mapping[str, NDArray[np.int64]], count: int) -> dict[str, NDArray[np.int64]]:
    """Leaves out factors that have one value only.

    Args:
        factors: Class numbers by name, shape `(N,)`.
        count: N.

    Raises:
        ValueError: When a factor has another length.
    """
    for name, numbers in factors.items():
        if numbers.shape != (count,):
            raise ValueError(f"expected factor {name} of shape ({count},), got {numbers.shape}")
    return {name: each for name, each in factors.items() if len(np.unique(each)) > 1}


def _gap(shares: NDArray[np.float64]) -> float:
    """Mean over the columns of the largest entry less the second."""
    ordered = np.sort(shares.clip(min=0), axis=0)
    second = ordered[-2] if len(ordered) > 1 else 0.0
    return float((ordered[-1] - second).mean())
