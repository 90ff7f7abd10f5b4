"""Every latent site at the mean of its distribution."""

from typing import Any

from pyro.distributions.torch_distribution import MaskedDistribution
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import site_is_subsample
from torch.distributions import Cauchy, Distribution, HalfCauchy, Independent

from pyro_seatbelt.traces.frozen_noise import FrozenNoise
from pyro_seatbelt.traces.programs import Program


class AtMeanMessenger(Messenger):
    """Gives every latent site the mean of its distribution instead of a draw."""

    def __init__(self, *, strict: bool = True) -> None:
        super().__init__()
        self.strict = strict

    def _pyro_sample(self, msg: Any) -> None:
        if msg["done"] or msg["is_observed"] or site_is_subsample(msg):
            return
        if not self.strict and not has_mean(msg["fn"]):
            return
        try:
            msg["value"] = msg["fn"].mean
        except (AttributeError, NotImplementedError) as error:
            raise NotImplementedError(
                f"at_mean: the distribution of site '{msg['name']}' has no mean; "
                "hide the site with poutine.block or draw it"
            ) from error
        msg["done"] = True

    def _pyro_inner_draw(self, msg: Any) -> None:
        """Noise that has to be drawn all the same is one fixed draw, the same for every row."""
        if msg["done"]:
            return
        fn, axis, central = msg["args"]
        if central:
            msg["value"] = fn.mean
        else:
            rows = [0] * fn.batch_shape[axis]
            msg["value"] = FrozenNoise([0]).draw(str(msg["name"]), fn, axis=axis, rows=rows)
        msg["done"] = True


def at_mean(fn: Program, *, strict: bool = True) -> Program:
    """Runs a program with every latent site at its mean.

    In a hierarchy the means are propagated: layer :math:`i + 1` is conditioned
    on the mean of layer :math:`i`. Observed sites and sites replayed from
    another trace keep their values. What a defence draws inside
    (:func:`~pyro_seatbelt.traces.inner_draws.inner_draw`) is one fixed draw.

    Args:
        fn: A model or a guide.
        strict: Whether a site without a mean is an error; else it is drawn (see :func:`has_mean`).

    Returns:
        The same program without randomness, where every site has a mean.

    Raises:
        NotImplementedError: When a latent site's distribution has no mean.

    Example:
        >>> import pyro, pyro.distributions as dist
        >>> at_mean(lambda: pyro.sample("z", dist.Normal(3.0, 1.0)))()
        tensor(3.)
    """
    wrapped: Program = AtMeanMessenger(strict=strict)(fn)
    return wrapped


def has_mean(fn: Distribution) -> bool:
    """Whether a distribution has a mean that a program can go on with.

    Flows and others without a formula have none, Cauchy has none, and that of a discrete
    distribution is no value of the site.

    Args:
        fn: The distribution of a site.

    Example:
        >>> import torch, pyro.distributions as dist
        >>> has_mean(dist.Normal(0.0, 1.0)), has_mean(dist.Bernoulli(torch.tensor(0.5)))
        (True, False)
    """
    while isinstance(fn, Independent | MaskedDistribution):
        fn = fn.base_dist
    if isinstance(fn, Cauchy | HalfCauchy):
        return False
    try:
        fn.mean  # noqa: B018 - looked up for what it raises
        support = fn.support
    except (AttributeError, NotImplementedError):
        return False
    return support is None or not support.is_discrete
