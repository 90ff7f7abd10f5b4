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


def shared_latents(model_trace: Trace, guide_trace: Trace, *latents: str) -> list[str]:
    """Names of the latent sites that guide and model share, in the guide's order.

    Args:
        model_trace: Trace of the model.
        guide_trace: Trace of the guide.
        latents: Sites that must be among them.

    Raises:
        ValueError: When one of `latents` is not a latent site of both.
    """
    guide_sites, model_sites = sample_sites(guide_trace), sample_sites(model_trace)
    names = [
        name
        for name, site in guide_sites.items()
        if name in model_sites and not site["is_observed"] and not model_sites[name]["is_observed"]
    ]
    for latent in latents:
        if latent not in names:
            shared = ", ".join(f"'{name}'" for name in names) or "none"
            raise ValueError(
                f"site '{latent}' is not a latent site of both model and guide (those are: "
                f"{shared}); name one of them"
            )
    return names


def check_reparameterised(*sites: Site) -> None:
    """Raises where a latent site of a guide cannot be reparameterised.

    Args:
        sites: Sites of the guide.

    Raises:
        NotImplementedError: When one has a distribution without `rsample`.
    """
    for site in sites:
        if not site["is_observed"] and not site["fn"].has_rsample:
            raise NotImplementedError(
                f"guide site '{site['name']}': {describe(site['fn'])} has no rsample; "
                "use a reparameterised distribution, or marginalise the site"
            )


def check_not_enumerated(*sites: Site) -> None:
    """Raises where a latent site asks to be enumerated by an objective that draws every site.

    Args:
        sites: Sites of a model or a guide.

    Raises:
        NotImplementedError: When one has ``infer={"enumerate": ...}``.
    """
    for site in sites:
        if not site["is_observed"] and site["infer"].get("enumerate"):
            raise NotImplementedError(
                f"site '{site['name']}' is to be enumerated, and this objective draws every site: "
                "use TraceEnumTC_ELBO; or, without infer={'enumerate': ...}, sample it in the "
                "guide, too (its gradient comes from the score function), or sum it out of the "
                "model, as dist.MixtureSameFamily does"
            )


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
