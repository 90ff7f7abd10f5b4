"""The factors of sites whose dimensions are independent of each other."""

import pyro.distributions as dist
from torch import Tensor
from torch.distributions import Distribution, Independent

from pyro_seatbelt.traces.sites import Site, describe


def factorised(site: Site, purpose: str) -> Distribution:
    """Reads the factors of a site whose distribution is `Independent(base, 1)`.

    Args:
        site: A sample site.
        purpose: What cannot be done otherwise, a past participle, for the message.

    Returns:
        The base distribution, of batch shape :math:`(*, D)`.

    Raises:
        NotImplementedError: When the distribution has another structure.
    """
    fn = site["fn"]
    if isinstance(fn, Independent) and fn.reinterpreted_batch_ndims == 1:
        base: Distribution = fn.base_dist
        if base.event_shape == () and not isinstance(base, dist.Delta):
            return base
    hint = (
        "autoguides put a Delta there: write the guide with pyro.sample(name, "
        "dist.Normal(loc, scale).to_event(1))"
        if isinstance(getattr(fn, "base_dist", fn), dist.Delta)
        else "declare it with dist.Normal(loc, scale).to_event(1) or another factorised family"
    )
    raise NotImplementedError(
        f"site '{site['name']}' cannot be {purpose}: expected Independent(base, 1) with scalar "
        f"factors, got {describe(fn)}; {hint}"
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
