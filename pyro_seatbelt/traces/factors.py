"""The density of a vector at a site: of its factors, of the whole, of its dimensions."""

import pyro.distributions as dist
import torch
from pyro.distributions.torch_distribution import MaskedDistribution
from torch import Tensor
from torch.distributions import Distribution, Independent

from pyro_seatbelt.traces.sites import Site, describe

_JOINT_GAUSSIANS = (
    torch.distributions.LowRankMultivariateNormal,
    torch.distributions.MultivariateNormal,
)


def density(site: Site, purpose: str) -> Distribution:
    """Reads the distribution of a vector at a site.

    Args:
        site: A sample site.
        purpose: What cannot be done otherwise, a past participle, for the message.

    Returns:
        The factors, of batch shape :math:`(*, D)` and scalar events, of `Independent(base, 1)`;
        any other distribution as it is, of batch shape :math:`(*)` and event shape :math:`(D,)`.

    Raises:
        NotImplementedError: When its values are no vectors, or are points without a density.
    """
    fn: Distribution = site["fn"]
    unwrapped = fn
    while isinstance(unwrapped, Independent):
        unwrapped = unwrapped.base_dist
    if isinstance(unwrapped, dist.Delta):
        raise _refusal(site, purpose, _NO_DELTA)
    if len(fn.event_shape) != 1 or isinstance(unwrapped, MaskedDistribution):
        raise _refusal(site, purpose, _FACTORISE)
    if isinstance(fn, Independent) and fn.reinterpreted_batch_ndims == 1:
        base: Distribution = fn.base_dist
        return base
    return fn


def marginals_of(fn: Distribution) -> Distribution | None:
    """The distributions of a vector's dimensions, where they have a closed form.

    Args:
        fn: Factors, which are their own, or a distribution over vectors: those of a multivariate
            normal, of low rank or not, are normal.

    Returns:
        A distribution of batch shape :math:`(*, D)`, or None.

    Example:
        >>> fn = dist.LowRankMultivariateNormal(torch.zeros(3), torch.ones(3, 1), torch.ones(3))
        >>> marginals_of(fn).variance
        tensor([2.0000, 2.0000, 2.0000])
    """
    if fn.event_shape == ():
        return fn
    if isinstance(fn, _JOINT_GAUSSIANS):
        return dist.Normal(fn.mean, fn.variance.sqrt(), validate_args=False)
    return None


def marginals(site: Site, purpose: str) -> Distribution:
    """The distributions of the dimensions of a site's vector, of batch shape :math:`(*, D)`.

    Args:
        site: A sample site.
        purpose: As in :func:`density`.

    Raises:
        NotImplementedError: When they have no closed form.
    """
    found = marginals_of(density(site, purpose))
    if found is None:
        raise _refusal(site, purpose, _FACTORISE)
    return found


def factorised(site: Site, purpose: str) -> Distribution:
    """Reads the factors of a site whose distribution is `Independent(base, 1)`.

    Args:
        site: A sample site.
        purpose: As in :func:`density`.

    Returns:
        The base distribution, of batch shape :math:`(*, D)`.

    Raises:
        NotImplementedError: When the distribution has another structure.
    """
    factors = density(site, purpose)
    if factors.event_shape:
        raise _refusal(site, purpose, _FACTORISE)
    return factors


_NO_DELTA = (
    "autoguides put a Delta there: write the guide with pyro.sample(name, "
    "dist.Normal(loc, scale).to_event(1))"
)
_FACTORISE = "declare it with dist.Normal(loc, scale).to_event(1) or another factorised family"


def _refusal(site: Site, purpose: str, hint: str) -> NotImplementedError:
    return NotImplementedError(
        f"site '{site['name']}' cannot be {purpose}: expected Independent(base, 1) with scalar "
        f"factors, got {describe(site['fn'])}; {hint}"
    )


def entropy(site: Site, fn: Distribution) -> Tensor:
    """The entropy of a site's distribution, or of its factors, in nats.

    Args:
        site: The site, for the message.
        fn: The distribution.

    Raises:
        NotImplementedError: When it has no closed form.
    """
    try:
        return fn.entropy()
    except NotImplementedError as error:
        raise NotImplementedError(
            f"site '{site['name']}': {describe(site['fn'])} has no entropy in closed form: use "
            "analytic_entropy=False"
        ) from error
