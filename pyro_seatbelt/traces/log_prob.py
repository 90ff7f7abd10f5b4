"""Log-probabilities of sites, and what scales and masks make of them."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from pyro.distributions.util import scale_and_mask
from torch import Tensor

from pyro_seatbelt.traces.plates import data_plate, rows_first
from pyro_seatbelt.traces.programs import PairTraces
from pyro_seatbelt.traces.sites import Site, sample_sites


class LogProbs[T](NamedTuple):
    r"""The terms of an evidence lower bound by site, in nats.

    Attributes:
        observed: :math:`\log p(x \mid z)`, from the model's observed sites.
        prior: :math:`\log p(z_i \mid \cdot)`, from its latent sites.
        posterior: :math:`\log q(z_i \mid \cdot)`, from every site of the guide.
    """

    observed: dict[str, T]
    prior: dict[str, T]
    posterior: dict[str, T]


def read_log_probs[T](traces: PairTraces, of: Callable[[Site], T]) -> LogProbs[T]:
    """Reads every term of the bound from a pair of traces.

    Args:
        traces: Traces of the model and the guide.
        of: What to read at a site: :func:`per_row`, :func:`unmasked`, or what is made of them.

    Example:
        >>> from pyro_seatbelt import presets
        >>> from pyro_seatbelt.traces.programs import trace_pair
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=10)
        >>> traces = trace_pair(family.model, family.guide, torch.rand(5, 1, 8, 8))
        >>> terms = read_log_probs(traces, lambda site: per_row(site, "data"))
        >>> elbo = terms.observed["x"] + terms.prior["z1"] - terms.posterior["z1"]
        >>> elbo.shape
        torch.Size([5])
    """
    terms: LogProbs[T] = LogProbs({}, {}, {})
    for name, site in sample_sites(traces.model).items():
        (terms.observed if site["is_observed"] else terms.prior)[name] = of(site)
    for name, site in sample_sites(traces.guide).items():
        terms.posterior[name] = of(site)
    return terms


def per_row(site: Site, *plates: str) -> Tensor:
    """Log-density of a site's value for each image, in nats, shape `(n,)`.

    The site's mask counts, and so does its scale, but for the factor by which the plate
    makes a minibatch stand for a data set.

    Args:
        site: A sample site.
        plates: What the plate over images may be called.

    Raises:
        InputError: When the site is not inside the plate.
    """
    return weigh(site, site["fn"].log_prob(site["value"]), *plates)


def weigh(site: Site, terms: Tensor, *plates: str) -> Tensor:
    """Applies a site's scale and mask to terms in its batch shape: `(n,)` (see :func:`per_row`)."""
    plate = data_plate(site, *plates)
    scale = site["scale"] * plate.size / plate.num_data
    weighed: Tensor = scale_and_mask(terms, scale, site["mask"])
    return rows_first(weighed, plate.axis).sum(1)


def unmasked(site: Site) -> Tensor:
    """Log-density of a site's value in its batch shape, whatever its scale: of whole images.

    Args:
        site: A site of a trace with log-probabilities (:meth:`PairTraces.with_log_probs`).

    Raises:
        NotImplementedError: When the site is masked.
    """
    if site["mask"] is not None:
        raise NotImplementedError(
            f"site '{site['name']}' is masked, and these are numbers of whole images; evaluate "
            "without poutine.mask"
        )
    log_prob: Tensor = site["unscaled_log_prob"]
    return log_prob


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
