r"""The aggregate posterior of diagonal Gaussians, with gradients formed in the forward pass.

The sums :math:`\sum_i a_i \log \sum_j w_{ij} q(z_i \mid x_j)` and their counterparts per dimension
have gradients that are products of softmax weights, so they can be summed up while the densities
are there and the :math:`M \times M \times D` buffer never exists: rows are worked on in chunks and
memory grows with :math:`M D`.
"""

import math
from typing import Any

from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

CHUNK_ELEMENTS = {"cpu": 1 << 18}
"""Numbers in one chunk of pairs by kind of device: on a CPU it should stay in the cache."""
LARGE_CHUNK_ELEMENTS = 1 << 24
"""The same elsewhere, where few large kernels are fast."""


def chunk_elements(like: Tensor) -> int:
    """How many numbers a chunk of pairs may have on the device of a tensor."""
    return CHUNK_ELEMENTS.get(like.device.type, LARGE_CHUNK_ELEMENTS)


def gaussian_aggregate_sums(
    z: Tensor, loc: Tensor, scale: Tensor, log_weights: Tensor, row_weights: Tensor
) -> tuple[Tensor, Tensor]:
    r"""Weighted sums of aggregate log-densities of diagonal Gaussians.

    Args:
        z: Draws, shape :math:`(m, K, D)`; the K columns are independent problems.
        loc: Means of the posteriors, shape :math:`(M, K, D)`.
        scale: Standard deviations, same shape.
        log_weights: :math:`\log w_{ij}`, a scalar or of shape :math:`(m, M, 1)` or
            :math:`(m, M, K)`.
        row_weights: :math:`a_i`, shape :math:`(m, K)`; no gradient flows into them.

    Returns:
        :math:`\sum_{ik} a_{ik} \log q(z_{ik})`, a scalar, and
        :math:`\sum_{ik} a_{ik} \log q(z_{ikd})`, shape :math:`(D,)`, in nats.

    Example:
        >>> import torch
        >>> z = torch.zeros(4, 1, 2)
        >>> mixture_of_equals = torch.tensor(-math.log(4))
        >>> gaussian_aggregate_sums(z, z, torch.ones_like(z), mixture_of_equals, torch.ones(4, 1))
        (tensor(-7.3515), tensor([-3.6758, -3.6758]))
    """
    joint, marginal = _GaussianAggregate.apply(z, loc, scale, log_weights, row_weights)
    return joint, marginal


class _GaussianAggregate(Function):
    @staticmethod
    def forward(
        ctx: Any, z: Tensor, loc: Tensor, scale: Tensor, log_weights: Tensor, row_weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        # images innermost: reductions over them and sums over D then run along contiguous memory
        z, loc, scale = (t.permute(1, 2, 0).contiguous() for t in (z, loc, scale))  # (K, D, M)
        inverse, constant = scale.reciprocal(), -scale.log() - 0.5 * math.log(2 * math.pi)
        _num_columns, dim, num_draws = z.shape
        needs_grad = any(ctx.needs_input_grad[:3])
        joint_sum, marginal_sum = z.new_zeros(()), z.new_zeros(dim)
        # d joint and d marginal, each by z, and by loc and scale
        by_z = z.new_zeros(2, *z.shape) if needs_grad else z.new_zeros(0)
        by_posterior = z.new_zeros(2, 2, *loc.shape) if needs_grad else z.new_zeros(0)
        chunk = max(1, chunk_elements(z) // loc.numel())
        for start in range(0, num_draws, chunk):
            rows = slice(start, start + chunk)
            a = row_weights.T[:, rows]  # (K, c)
            log_w = log_weights
            if log_weights.ndim:
                log_w = log_weights[rows].permute(2, 0, 1)  # (K, c, M)
            # differences first: z/s - m/s would lose digits at small scales
            u = (z[:, :, rows, None] - loc[:, :, None]) * inverse[:, :, None]  # (K, D, c, M)
            log_q = u.square().mul_(-0.5).add_(constant[:, :, None])
            # summed from the dimensions' own values: a matrix product loses nats in float32
            log_joint, joint_share = _logsumexp(log_q.sum(1).add_(log_w))  # (K, c), (K, c, M)
            log_q.add_(log_w[:, None] if log_w.ndim else log_w)
            log_marginal, marginal_share = _logsumexp(log_q)  # (K, D, c), (K, D, c, M)
            joint_sum += (a * log_joint).sum()
            marginal_sum += (a[:, None] * log_marginal).sum((0, 2))
            if needs_grad:
                slope = u * inverse[:, :, None]  # d log_q / d loc
                joint_share = joint_share.mul_(a[..., None])[:, None]
                marginal_share = marginal_share.mul_(a[:, None, :, None])
                shares = (joint_share, marginal_share)
                for of_z, of_posterior, share in zip(by_z, by_posterior, shares, strict=True):
                    weighted = share * slope
                    of_z[:, :, rows] -= weighted.sum(-1)
                    of_posterior[0] += weighted.sum(-2)
                    of_posterior[1] += weighted.mul_(u).sum(-2).sub_(share.sum(-2) * inverse)
        ctx.save_for_backward(by_z, by_posterior)
        return joint_sum, marginal_sum

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_joint: Tensor, grad_marginal: Tensor) -> tuple[Tensor | None, ...]:
        totals = (
            grad_joint * joint + grad_marginal[:, None] * marginal  # (*, K, D, M)
            for joint, marginal in ctx.saved_tensors
        )
        by_z, (by_loc, by_scale) = (total.movedim(-1, -3) for total in totals)
        return by_z, by_loc, by_scale, None, None


def _logsumexp(x: Tensor) -> tuple[Tensor, Tensor]:
    """Log-sum-exp over the last dimension and, from the same exponentials, the softmax."""
    largest = x.amax(-1, keepdim=True)
    share = (x - largest).exp_()
    total = share.sum(-1, keepdim=True)
    return (largest + total.log()).squeeze(-1), share.div_(total)
