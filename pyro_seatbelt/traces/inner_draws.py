"""Draws inside a guide that are no sites of its trace."""

import torch
from pyro.poutine.runtime import effectful
from torch import Tensor
from torch.distributions import Distribution, Normal, Uniform


@effectful(type="inner_draw")
def _draw(fn: Distribution, axis: int, central: bool) -> Tensor:
    del axis, central  # for the messengers
    return fn.rsample() if fn.has_rsample else fn.sample()


def inner_draw(name: str, fn: Distribution, *, axis: int = 0, central: bool = False) -> Tensor:
    """Draws what a defence needs, seen by what freezes noise and by nothing else.

    No trace records it, no bound counts its density. Under
    :func:`~pyro_seatbelt.traces.frozen_noise.frozen_noise` every row has noise of its own, as at a
    site; under :func:`~pyro_seatbelt.traces.at_mean.at_mean` all rows share one fixed draw, or it
    is at its mean; without either it comes from torch's generator.

    Args:
        name: Its name: each has noise of its own.
        fn: The distribution.
        axis: The dimension of a draw that runs over the rows, counted from the left.
        central: Whether it is at its mean under `at_mean`: a latent is, noise is not.

    Returns:
        The draw.

    Example:
        >>> from pyro_seatbelt.traces.at_mean import at_mean
        >>> noise = lambda: inner_draw("noise", standard_normal(torch.zeros(3, 2)))
        >>> torch.equal(at_mean(noise)(), at_mean(noise)())
        True
    """
    value: Tensor = _draw(fn, axis, central, name=name)
    return value


def standard_normal(like: Tensor) -> Normal:
    """The standard normal distribution in the shape of a tensor.

    Args:
        like: Has its shape, dtype and device.
    """
    return Normal(torch.zeros_like(like), 1.0, validate_args=False)


def standard_uniform(like: Tensor) -> Uniform:
    """The uniform distribution on [0, 1) in the shape of a tensor.

    Args:
        like: Has its shape, dtype and device.
    """
    return Uniform(torch.zeros_like(like), torch.ones_like(like), validate_args=False)
