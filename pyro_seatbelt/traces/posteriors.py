"""What a guide says about images: the posterior at a site, and the means of all."""

from typing import NamedTuple

from pyro import poutine
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from pyro_seatbelt.traces.at_mean import at_mean, has_mean
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.plates import rows_first
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.sites import sample_sites


class Posterior(NamedTuple):
    r"""What a guide says about one site, for n rows.

    Attributes:
        site: Name of the site.
        fn: Its distribution. A diagonal Gaussian is brought to batch shape `(n,)` and event
            shape `(M,)`; any other stays as the guide declared it.
        value: The site's value, in the shape of a draw from `fn`.
        axis: The dimension of `value` that runs over the rows.
        loc: Means of a diagonal Gaussian, shape `(n, M)`; None for other families.
        scale: Its standard deviations, shape `(n, M)`.
    """

    site: str
    fn: Distribution
    value: Tensor
    axis: int
    loc: Tensor | None
    scale: Tensor | None

    def sum_rows(self, terms: Tensor) -> Tensor:
        """Sums all but the rows of a tensor in the batch shape of `fn`, to shape `(n,)`."""
        return rows_first(terms, self.axis).sum(1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density of a value in nats, shape `(n,)`."""
        return self.sum_rows(self.fn.log_prob(value))


def read_posterior(site: str, fn: Distribution, value: Tensor, axis: int) -> Posterior:
    """Brings a site's distribution and value into one form.

    Args:
        site: Name of the site.
        fn: Its distribution.
        value: Its value.
        axis: The dimension of the value that runs over the rows.
    """
    base = fn
    while isinstance(base, Independent):
        base = base.base_dist
    if not isinstance(base, Normal):
        return Posterior(site, fn, value, axis, None, None)
    loc, scale, value = (rows_first(part, axis) for part in (base.loc, base.scale, value))
    return gaussian_posterior(site, loc, scale, value)


def gaussian_posterior(site: str, loc: Tensor, scale: Tensor, value: Tensor) -> Posterior:
    """A diagonal Gaussian posterior from tensors of shape `(n, M)`."""
    fn = Independent(Normal(loc, scale, validate_args=False), 1, validate_args=False)
    return Posterior(site, fn, value, 0, loc, scale)


def posterior_means(
    guide: Program, x: Tensor, *context: Tensor, strict: bool = True
) -> dict[str, Tensor]:
    """Propagates the means of a guide through its layers.

    Args:
        guide: A guide whose latent sites have means.
        x: Pixels in [0, 1], shape :math:`(B, C, H, W)`.
        context: Further arguments of the guide, a row for each image.
        strict: Whether a site without a mean is an error; else it is drawn and left out.

    Returns:
        The means by site, shape :math:`(B, D)` each.

    Raises:
        NotImplementedError: When a site's distribution has no mean.
    """
    with evaluation_mode(guide):
        trace = poutine.trace(at_mean(guide, strict=strict)).get_trace(x, *context)
    return {
        name: site["value"].flatten(1)
        for name, site in sample_sites(trace).items()
        if strict or has_mean(site["fn"])
    }
