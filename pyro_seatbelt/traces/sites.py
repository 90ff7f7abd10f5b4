"""Reading the sample sites of Pyro traces."""

from typing import Any

from pyro.distributions.torch_distribution import MaskedDistribution
from pyro.poutine import Trace
from pyro.poutine.util import site_is_subsample
from torch.distributions import Distribution, Independent

# A node of a Pyro trace. Pyro's own TypedDict marks every field as possibly None.
Site = Any


def sample_sites(trace: Trace) -> dict[str, Site]:
    """The sample sites of a trace by name, without those that plates make for subsampling."""
    return {
        name: site
        for name, site in trace.nodes.items()
        if site["type"] == "sample" and not site_is_subsample(site)
    }


def shared_latents(model_trace: Trace, guide_trace: Trace, latent: str) -> list[str]:
    """Names of the latent sites that guide and model share, in the guide's order.

    Args:
        model_trace: Trace of the model.
        guide_trace: Trace of the guide.
        latent: A site that must be among them.

    Raises:
        ValueError: When `latent` is not a latent site of both.
        NotImplementedError: When a guide site cannot be reparameterised.
    """
    guide_sites, model_sites = sample_sites(guide_trace), sample_sites(model_trace)
    names = [
        name
        for name, site in guide_sites.items()
        if name in model_sites and not site["is_observed"] and not model_sites[name]["is_observed"]
    ]
    if latent not in names:
        shared = ", ".join(f"'{name}'" for name in names) or "none"
        raise ValueError(
            f"site '{latent}' is not a latent site of both model and guide (those are: {shared}); "
            "name one of them"
        )
    for name, site in guide_sites.items():
        if not site["is_observed"] and not site["fn"].has_rsample:
            raise NotImplementedError(
                f"guide site '{name}': {describe(site['fn'])} has no rsample; "
                "use a reparameterised distribution, or enumerate or marginalise the site"
            )
    return names


def describe(fn: Distribution) -> str:
    """A distribution's family, with what wraps it.

    Example:
        >>> import pyro.distributions as dist
        >>> describe(dist.Normal(0.0, 1.0).expand([3]).to_event(1))
        'Independent(Normal, 1)'
    """
    if isinstance(fn, Independent):
        return f"Independent({describe(fn.base_dist)}, {fn.reinterpreted_batch_ndims})"
    if isinstance(fn, MaskedDistribution):
        return f"MaskedDistribution({describe(fn.base_dist)})"
    return type(fn).__name__
