r"""The aggregate posterior :math:`q(z) = \frac{1}{N} \sum_n q(z \mid x_n)`, estimated and exact.

Pure tensor functions: they know neither models nor guides nor traces.

Two estimates from a minibatch of M out of N images, both of the form
:math:`\log q(z_i) \approx \log \sum_j w_{ij}\, q(z_i \mid x_j)`:

- `mws`, minibatch weighted sampling: :math:`w_{ij} = 1 / NM`. Its gradient is useful, its value
  is not: :math:`\log q(z_i)` is too low by about :math:`\log N`, so that the total correlation of
  D dimensions comes out about :math:`(D - 1) \log N` too high, the mutual information
  :math:`\log N` too high and the dimension-wise KL :math:`D \log N` too low.
- `mss`, minibatch stratified sampling: rows that sum to one, with the image that z was drawn from
  weighted :math:`1/N`. The estimated density is unbiased; its logarithm is biased downwards
  (Jensen), less so the larger the batch.

References:
    | Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018),
      Eq 4 and Appendix C
    | https://arxiv.org/abs/1802.04942
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, get_args

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import Distribution

from pyro_seatbelt.family import EstimatorName
from pyro_seatbelt.objectives.gaussian_aggregate import chunk_elements, gaussian_aggregate_sums
from pyro_seatbelt.traces.factors import marginals_of

_NORMALS = (torch.distributions.Normal, dist.Normal)


class AggregateSums(NamedTuple):
    r"""Weighted sums of aggregate log-densities over a minibatch, in nats.

    Attributes:
        joint: :math:`\sum_i a_i \log q(z_i)`, a scalar.
        marginal: :math:`\sum_i a_i \log q(z_{i,d})`, shape :math:`(D,)`.
    """

    joint: Tensor
    marginal: Tensor


class Mixture(NamedTuple):
    """Draws of a minibatch and the posteriors whose mixture they are held against.

    The arguments of :func:`aggregate_sums`, whose shapes they have.

    Attributes:
        z: The draws.
        posterior: The factorised posterior that they come from.
        log_weights: Of every draw against every posterior.
        row_weights: What every draw counts for.
        dim: The dimension of the images.
    """

    z: Tensor
    posterior: Distribution
    log_weights: Tensor
    row_weights: Tensor
    dim: int


class LogDensity(NamedTuple):
    r"""Aggregate log-densities per sample, in nats.

    Attributes:
        joint: :math:`\log q(z_i)`, shape :math:`(i, *)`.
        marginal: :math:`\log q(z_{i,d})`, shape :math:`(i, *, D)`.
    """

    joint: Tensor
    marginal: Tensor


def log_weights(
    estimator: EstimatorName,
    batch_size: int,
    num_data: int,
    *,
    like: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    r"""Log importance weights of every sample (row) against every posterior (column).

    Args:
        estimator: `mws` or `mss`.
        batch_size: M, the images in the minibatch.
        num_data: N, the images that the minibatch stands for.
        like: A tensor whose dtype and device the weights take.
        mask: Which images are there, boolean, shape :math:`(M, *)`. A masked image is no
            posterior of the mixture (weight zero) and does not count towards M; its own row means
            nothing.

    Returns:
        :math:`\log w_{ij}`: a scalar for `mws`, shape :math:`(M, M)` for `mss`; with a mask shape
        :math:`(M, M, *)`. For `mss` from one image out of several it is NaN.

    Raises:
        ValueError: When M > N or on an unknown estimator.

    Example:
        >>> log_weights("mss", 3, 10, like=torch.zeros(())).exp().sum(1)
        tensor([1., 1., 1.])
    """
    if batch_size > num_data:
        raise ValueError(
            f"the minibatch holds {batch_size} images but the data set only {num_data}: "
            "give the plate the size of the whole data set"
        )
    if mask is not None:
        present = mask.flatten(1) if mask.ndim > 1 else mask[:, None]
        full = like.new_full((batch_size, batch_size, present.shape[1]), -math.inf)
        for k, column in enumerate(present.unbind(1)):
            kept = column.nonzero().squeeze(1)
            full[~column, :, k] = 0.0
            if len(kept):
                full[kept[:, None], kept, k] = log_weights(
                    estimator, len(kept), num_data, like=like
                )
        return full.reshape(batch_size, *mask.shape)
    if estimator == "mws":
        return like.new_full((), -math.log(num_data * batch_size))
    if estimator != "mss":
        raise ValueError(
            f"unknown estimator '{estimator}': choose from {', '.join(get_args(EstimatorName))}"
        )
    if batch_size == 1:
        # one image says nothing of the others
        return like.new_full((1, 1), 0.0 if num_data == 1 else math.nan)
    others = batch_size - 1
    weights = like.new_full((batch_size, batch_size), -math.log(others))
    weights.fill_diagonal_(-math.log(num_data))
    row = torch.arange(batch_size, device=like.device)
    weights[row, (row + 1) % batch_size] = math.log((num_data - others) / (num_data * others))
    return weights


def aggregate_log_density(log_q: Tensor, log_weights: Tensor) -> LogDensity:
    r"""Aggregate log-densities from all pairs, the plain way.

    Args:
        log_q: :math:`\log q(z_{i,d} \mid x_j)`, shape :math:`(i, j, *, D)`, in nats.
        log_weights: :math:`\log w_{ij}`, a scalar or of shape :math:`(i, j)` or
            :math:`(i, j, *)`.

    Returns:
        The joint and the marginal log-densities of every sample.
    """
    if log_weights.ndim:
        log_weights = log_weights.reshape(
            log_weights.shape + (1,) * (log_q.ndim - log_weights.ndim)
        )
    marginal = (log_q + log_weights).logsumexp(1)  # (i, *, D)
    joint = (log_q.sum(-1, keepdim=True) + log_weights).logsumexp(1).squeeze(-1)  # (i, *)
    return LogDensity(joint, marginal)


def aggregate_sums(
    z: Tensor, posterior: Distribution, log_weights: Tensor, row_weights: Tensor, *, dim: int = -1
) -> AggregateSums:
    r"""Sums of aggregate log-densities over a minibatch, differentiable in z and the posterior.

    Normal posteriors take a fast path whose memory grows with :math:`M D`;
    any other family goes through its own `log_prob` on all pairs, which holds
    :math:`M^2 D` numbers.

    Args:
        z: Draws; the batch shape :math:`(*, M, *)` and then :math:`D`.
        posterior: The posterior that they come from: its factors, with the shape of `z` as
            batch shape and scalar events, or a distribution over vectors, whose marginal sums are
            NaN but for multivariate normals.
        log_weights: From :func:`log_weights`.
        row_weights: :math:`a_i`, in the batch shape. No gradient flows into them.
        dim: The negative dimension of the batch shape that holds the images.

    Returns:
        Sums over every dimension but the last.
    """
    axis = dim - 1
    if posterior.event_shape:
        joint = _joint_sum(z, posterior, log_weights, row_weights, dim)
        factors = marginals_of(posterior)
        if factors is None:
            return AggregateSums(joint, z.new_full(z.shape[-1:], math.nan))
        marginal = aggregate_sums(z, factors, log_weights, row_weights, dim=dim).marginal
        return AggregateSums(joint, marginal)
    rows = row_weights.movedim(dim, 0)  # (i, *)
    if isinstance(posterior, torch.distributions.Normal) and type(posterior) in _NORMALS:
        num_images, num_dims = z.shape[axis], z.shape[-1]
        z, loc, scale = (
            t.expand(z.shape).movedim(axis, 0).reshape(num_images, -1, num_dims)
            for t in (z, posterior.loc, posterior.scale)
        )
        if log_weights.ndim:
            log_weights = log_weights.reshape(num_images, num_images, -1)
        rows = rows.reshape(num_images, -1)
        return AggregateSums(*gaussian_aggregate_sums(z, loc, scale, log_weights, rows))
    pairs = z.movedim(axis, 0).unsqueeze(axis)  # the pair axis leads, as a sample shape does
    log_q = posterior.log_prob(pairs).movedim(axis, 1)  # (i, j, *, D)
    density = aggregate_log_density(log_q, log_weights)
    marginal = (rows[..., None] * density.marginal).flatten(0, -2).sum(0)
    return AggregateSums((rows * density.joint).sum(), marginal)


def _joint_sum(
    z: Tensor, posterior: Distribution, log_weights: Tensor, row_weights: Tensor, dim: int
) -> Tensor:
    pairs = z.movedim(dim - 1, 0)  # (i, *, D) without the images' axis
    pairs = pairs.unsqueeze(dim - 1).expand(len(pairs), *z.shape)  # whole: flows broadcast nothing
    log_q = posterior.log_prob(pairs).movedim(dim, 1)  # (i, j, *)
    density = aggregate_log_density(log_q[..., None], log_weights).joint
    return (row_weights.movedim(dim, 0) * density).sum()


@torch.no_grad()
def exact_log_density(z: Tensor, posteriors: Sequence[Distribution]) -> LogDensity:
    r"""The exact aggregate log-density over a whole data set, in chunks.

    Work grows with :math:`S N D`, memory with :math:`S D` and :math:`N D`.

    Args:
        z: Points, shape :math:`(S, D)`.
        posteriors: The posteriors of all N images, in pieces: factorised distributions of batch
            shape :math:`(n_k, D)` with scalar events, or distributions over vectors of batch shape
            :math:`(n_k,)`, whose marginal densities are NaN but for multivariate normals.

    Returns:
        :math:`\log q(z)`, shape :math:`(S,)`, and :math:`\log q(z_d)`, shape :math:`(S, D)`.

    Raises:
        ValueError: Without a posterior.

    Example:
        >>> from torch.distributions import Normal
        >>> q = [Normal(torch.zeros(4, 2), 1.0), Normal(torch.ones(3, 2), 1.0)]
        >>> exact_log_density(torch.zeros(5, 2), q).marginal.shape
        torch.Size([5, 2])
    """
    if not posteriors:
        raise ValueError("expected the posteriors of at least one image, got none")
    num_data = sum(q.batch_shape[0] for q in posteriors)
    joint, marginal = [], []
    chunk = max(1, chunk_elements(z) // (z.shape[1] * max(q.batch_shape[0] for q in posteriors)))
    densities = [_pairwise(q) for q in posteriors]
    for rows in torch.split(z, chunk):
        log_joint = torch.full_like(rows[:, 0], -math.inf)
        log_marginal = torch.full_like(rows, -math.inf)
        for density in densities:
            log_q, log_q_d = density(rows)  # (s, n), (s, D, n)
            log_joint = torch.logaddexp(log_joint, log_q.logsumexp(1))
            log_marginal = torch.logaddexp(log_marginal, log_q_d.logsumexp(2))
        joint.append(log_joint)
        marginal.append(log_marginal)
    log_n = math.log(num_data)
    return LogDensity(torch.cat(joint) - log_n, torch.cat(marginal) - log_n)


def _pairwise(posterior: Distribution) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Log-densities of points (s, D) under n posteriors: of vectors (s, n), marginal (s, D, n)."""
    factors = marginals_of(posterior)
    if posterior.event_shape == ():
        of_factors = _images_last(posterior)

        def of_products(rows: Tensor) -> tuple[Tensor, Tensor]:
            log_q = of_factors(rows)
            return log_q.sum(1), log_q

        return of_products

    def of_vectors(rows: Tensor) -> tuple[Tensor, Tensor]:
        log_q = posterior.log_prob(rows[:, None].expand(-1, posterior.batch_shape[0], -1))
        if factors is None:
            return log_q, log_q.new_full((*rows.shape, 1), math.nan)
        return log_q, _images_last(factors)(rows)

    return of_vectors


def _images_last(posterior: Distribution) -> Callable[[Tensor], Tensor]:
    """Log-densities of points (s, D) under n posteriors: (s, D, n), which reduce twice as fast."""
    if isinstance(posterior, torch.distributions.Normal) and type(posterior) in _NORMALS:
        loc, inverse = posterior.loc.T.contiguous(), posterior.scale.reciprocal().T.contiguous()
        constant = inverse.log() - 0.5 * math.log(2 * math.pi)

        def log_prob(rows: Tensor) -> Tensor:
            # differences first, as in gaussian_aggregate_sums
            u = (rows[:, :, None] - loc).mul_(inverse)
            return u.square_().mul_(-0.5).add_(constant)

        return log_prob
    return lambda rows: posterior.log_prob(rows[:, None, :]).transpose(1, 2)
