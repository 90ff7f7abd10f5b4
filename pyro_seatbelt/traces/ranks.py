"""A minibatch that several processes share, as programs and objectives see it."""

from collections.abc import Callable
from typing import Any, Self

import torch
from pyro.distributions.torch_distribution import MaskedDistribution
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import site_is_subsample
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from pyro_seatbelt.traces.sites import Site


class SharedBatch(Messenger):
    r"""Runs programs on one process's rows of a minibatch, as the whole would be run.

    Normal sites inside the plate over images take their own rows of noise that is drawn for the
    whole minibatch, so that several processes draw what one would. Others draw from the process's
    own generator: the same in distribution. Objectives find it by :func:`shared_batch` and gather
    what is a property of the whole minibatch.

    Args:
        rank: Number of this process, from 0.
        size: How many there are; each has as many rows.
        gather: Puts tensors of shape :math:`(n, *)` of all processes one after the other, by rank,
            and sends the sum of the gradients back to where they came from.
        num_rows: Images of one process.
        generator: Of the noise; in the same state in all processes.

    Example:
        >>> import pyro, pyro.distributions as dist
        >>> def guide():
        ...     with pyro.plate("data", 100, subsample_size=2):
        ...         return pyro.sample("z", dist.Normal(torch.zeros(2), 1.0))
        >>> def draw(rank):
        ...     generator = torch.Generator().manual_seed(0)
        ...     with SharedBatch(rank, 2, lambda t: torch.cat([t, t]), 2, generator):
        ...         return guide()
        >>> whole = torch.normal(torch.zeros(4), 1.0, generator=torch.Generator().manual_seed(0))
        >>> torch.equal(torch.cat([draw(0), draw(1)]), whole)
        True
    """

    def __init__(
        self,
        rank: int,
        size: int,
        gather: Callable[[Tensor], Tensor],
        num_rows: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.rank = rank
        self.size = size
        self.gather = gather
        self.num_rows = num_rows
        self.generator = generator

    def seeded(self, seed: int) -> Self:
        """Sets the noise to where a step begins."""
        self.generator.manual_seed(seed)
        return self

    def own_rows(self, whole: Tensor, axis: int = 0) -> Tensor:
        """The rows of this process."""
        return whole.narrow(axis, self.rank * self.num_rows, self.num_rows)

    def mean(self, value: Tensor) -> Tensor:
        """The mean over all processes, with gradients."""
        return self.gather(value[None]).mean(0)

    def posteriors(self, posterior: Distribution, dim: int) -> Distribution:
        """The posteriors of the whole minibatch.

        Args:
            posterior: Those of this process's rows.
            dim: The negative dimension of the parameters that the images take.

        Raises:
            NotImplementedError: When they are not Normal.
        """
        if not isinstance(posterior, Normal):
            raise NotImplementedError(
                "the aggregate posterior of a minibatch that several processes share needs Normal "
                f"posteriors, got {type(posterior).__name__}: train in one process"
            )
        loc, scale = (
            self.gather(value.movedim(dim, 0).contiguous()).movedim(0, dim)
            for value in (posterior.loc, posterior.scale)
        )
        return Normal(loc, scale, validate_args=False)

    def _pyro_sample(self, msg: Any) -> None:
        if site_is_subsample(msg):
            return
        msg["infer"] = {**(msg["infer"] or {}), "shared_batch": self}
        if msg["done"] or msg["is_observed"]:
            return
        axes = [
            len(msg["fn"].batch_shape) + frame.dim
            for frame in msg["cond_indep_stack"]
            if frame.vectorized and frame.size == self.num_rows
        ]
        if len(axes) > 1:
            return
        value = self._draw(msg["fn"], axes[0] if axes else None)
        if value is not None:
            msg["value"] = value
            msg["done"] = True

    def _draw(self, fn: Distribution, axis: int | None) -> Tensor | None:
        """Draws as torch does, of the whole minibatch's noise."""
        if isinstance(fn, Independent | MaskedDistribution):
            return self._draw(fn.base_dist, axis)
        if not isinstance(fn, Normal):
            return None
        shape = list(fn.loc.shape)
        if axis is not None:
            shape[axis] *= self.size
        zero, one = fn.loc.new_zeros(shape), fn.loc.new_ones(shape)
        noise = torch.normal(zero, one, generator=self.generator)
        return fn.loc + (noise if axis is None else self.own_rows(noise, axis)) * fn.scale


def shared_batch(site: Site) -> SharedBatch | None:
    """Tells with which processes a site shares its minibatch; None where there is one process.

    Args:
        site: A sample site of a trace.
    """
    shared: SharedBatch | None = (site["infer"] or {}).get("shared_batch")
    return shared
