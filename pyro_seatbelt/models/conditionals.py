"""Conditional distributions of a latent layer, whose parameters come from a network."""

from collections.abc import Callable, Sequence
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.distributions.transforms import Transform

from pyro_seatbelt.models.networks import bounded_scale, concatenate, full_precision


class ConditionalLocationScale(nn.Module):
    r"""A factorised family with a location and a scale.

    The network gives locations and raw log-scales; the log-scales are squashed to
    :math:`[-6, 6]` by a scaled tanh.

    Args:
        network: Maps the concatenated inputs :math:`(*, F)` to :math:`(*, 2D)`.
        family: Makes a distribution of a location and a scale: `dist.Normal`, `dist.LogNormal`,
            `dist.Laplace`, ``partial(dist.StudentT, 4.0)``.

    Example:
        >>> from functools import partial
        >>> heavy = ConditionalLocationScale(nn.Linear(5, 6), partial(dist.StudentT, 4.0))
        >>> heavy(torch.zeros(4, 2), torch.zeros(4, 3)).event_shape
        torch.Size([3])
    """

    def __init__(self, network: nn.Module, family: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.network = network
        self.family = family

    def forward(self, *parents: Tensor) -> dist.Independent:
        """Conditions on the parents.

        Args:
            parents: Tensors of shape :math:`(*, F_k)` whose leading dimensions broadcast.

        Returns:
            A distribution of event shape :math:`(D,)`.
        """
        loc, raw = full_precision(self.network(concatenate(parents))).chunk(2, dim=-1)
        posterior: dist.Independent = self.family(loc, bounded_scale(raw)).to_event(1)
        return posterior


class ConditionalNormal(ConditionalLocationScale):
    r"""A diagonal Gaussian whose mean and scale come from a network.

    Args:
        network: Maps the concatenated inputs :math:`(*, F)` to :math:`(*, 2D)`: the means and the
            raw log-scales.

    Example:
        >>> ConditionalNormal(nn.Linear(5, 6))(torch.zeros(4, 2), torch.zeros(4, 3)).event_shape
        torch.Size([3])
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network, dist.Normal)


class ConditionalLowRankNormal(nn.Module):
    r"""A normal whose covariance is diagonal plus a product of low rank.

    .. math::
        \Sigma = W W^\top + \mathrm{diag}(\sigma^2)

    Its marginals are normal, so that a decomposition has all its parts.

    Args:
        network: Maps the concatenated inputs :math:`(*, F)` to :math:`(*, (2 + r) D)`: the means,
            the raw log-scales, and the columns of W.
        rank: The number r of columns.

    Raises:
        ValueError: On a rank below 1.

    Example:
        >>> q = ConditionalLowRankNormal(nn.Linear(5, 12), rank=2)(torch.zeros(4, 5))
        >>> q.event_shape, q.cov_factor.shape
        (torch.Size([3]), torch.Size([4, 3, 2]))
    """

    def __init__(self, network: nn.Module, rank: int) -> None:
        super().__init__()
        if rank < 1:
            raise ValueError(f"expected rank >= 1, got {rank}")
        self.network = network
        self.rank = rank

    def forward(self, *parents: Tensor) -> dist.LowRankMultivariateNormal:
        """Conditions on the parents (see :class:`ConditionalLocationScale`)."""
        loc, raw, *columns = full_precision(self.network(concatenate(parents))).chunk(
            2 + self.rank, dim=-1
        )
        factor = torch.stack(columns, -1)
        return dist.LowRankMultivariateNormal(loc, factor, bounded_scale(raw).square())


class ConditionalFlow(nn.Module):
    r"""A conditional distribution that is bent by a flow.

    Elementwise transforms keep a factorised family factorised. Others, such as
    :func:`pyro.distributions.transforms.affine_autoregressive`, leave a joint density alone: the
    layer can be drawn and attacked, and decomposed with equal weights beta and gamma.

    Args:
        conditional: The distribution to bend.
        transforms: What bends it, in order; modules among them are trained.

    Example:
        >>> from pyro.distributions.transforms import affine_autoregressive
        >>> flow = ConditionalFlow(ConditionalNormal(nn.Linear(5, 6)), [affine_autoregressive(3)])
        >>> flow(torch.zeros(4, 5)).rsample().shape
        torch.Size([4, 3])
    """

    def __init__(self, conditional: nn.Module, transforms: Sequence[Transform]) -> None:
        super().__init__()
        self.conditional = conditional
        self.transforms = list(transforms)
        self.trained = nn.ModuleList(each for each in transforms if isinstance(each, nn.Module))

    def forward(self, *parents: Tensor) -> dist.TorchDistribution:
        """Conditions on the parents (see :class:`ConditionalLocationScale`)."""
        fn: Any = self.conditional(*parents)
        elementwise = all(each.codomain.event_dim == 0 for each in self.transforms)
        if elementwise and isinstance(fn, dist.Independent):
            factors: Any = dist.TransformedDistribution(fn.base_dist, self.transforms)
            factorised: dist.TorchDistribution = factors.to_event(fn.reinterpreted_batch_ndims)
            return factorised
        bent: dist.TorchDistribution = dist.TransformedDistribution(fn, self.transforms)
        return bent
