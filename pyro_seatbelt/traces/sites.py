"""Reading the sample sites of Pyro traces."""

from typing import Any, NamedTuple

import pyro.distributions as dist
import torch
from pyro.distributions.util import scale_and_mask
from pyro.poutine import Trace
from pyro.poutine.util import site_is_subsample
from torch import Tensor
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


def latent_names(model_trace: Trace, guide_trace: Trace, latent: str) -> list[str]:
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
                f"guide site '{name}': {_describe(site['fn'])} has no rsample; "
                "use a reparameterised distribution, or enumerate or marginalise the site"
            )
    return names


def factorised(site: Site, purpose: str) -> Distribution:
    """The factors of a site whose distribution is `Independent(base, 1)`.

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
        f"factors, got {_describe(fn)}; {hint}"
    )


class DataPlate(NamedTuple):
    """The plate over images, as a site sees it.

    Attributes:
        dim: The negative dimension of the batch shape that it occupies.
        num_data: N, the size of the data set that the minibatch stands for.
    """

    dim: int
    num_data: int


def data_plate(site: Site, plate: str) -> DataPlate:
    """Finds the plate over images at a site.

    Raises:
        ValueError: When the site is not inside that plate, or the plate is sequential.
    """
    for frame in site["cond_indep_stack"]:
        if frame.name == plate and frame.vectorized:
            return DataPlate(frame.dim, frame.full_size or frame.size)
    plates = ", ".join(f"'{f.name}'" for f in site["cond_indep_stack"] if f.vectorized) or "none"
    raise ValueError(
        f"site '{site['name']}' is not inside a vectorised plate '{plate}' (its plates: {plates}); "
        "wrap it in pyro.plate(name, num_data, subsample=x) and give that name as plate="
    )


def row_weights(site: Site) -> Tensor:
    """What every draw of a site counts for: its scale, and zero where it is masked.

    Returns:
        The weights, in the batch shape of the site's distribution.
    """
    ones = torch.ones(
        site["fn"].batch_shape, dtype=site["value"].dtype, device=site["value"].device
    )
    weights: Tensor = scale_and_mask(ones, site["scale"], site["mask"])
    return weights.expand(site["fn"].batch_shape)


def sum_over_draws(log_prob: Tensor, site: Site) -> Tensor:
    """Sums log-densities of the factors over scaled and masked draws.

    Args:
        log_prob: Shape :math:`(*, D)`.
        site: The site whose scale and mask apply to :math:`*`.

    Returns:
        Shape :math:`(D,)`.
    """
    scale, mask = (
        value[..., None] if isinstance(value, Tensor) and value.ndim else value
        for value in (site["scale"], site["mask"])
    )
    weighted: Tensor = scale_and_mask(log_prob, scale, mask)
    return weighted.flatten(0, -2).sum(0)


def _describe(fn: Distribution) -> str:
    if isinstance(fn, Independent):
        return f"Independent({_describe(fn.base_dist)}, {fn.reinterpreted_batch_ndims})"
    return type(fn).__name__
