"""The bound and its parts on images that training has not seen."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from pyro_seatbelt.data import ImageSource
from pyro_seatbelt.evaluation.batches import context_batches, pixel_batches, pixel_dtype
from pyro_seatbelt.evaluation.decomposition import aggregate_terms
from pyro_seatbelt.evaluation.units import num_active_units
from pyro_seatbelt.objectives.aggregate import exact_log_density
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.factors import density
from pyro_seatbelt.traces.log_prob import read_log_probs, unmasked
from pyro_seatbelt.traces.posteriors import posterior_means
from pyro_seatbelt.traces.programs import Program, trace_pair
from pyro_seatbelt.traces.sites import (
    Site,
    check_reparameterised,
    sample_sites,
    shared_latents,
)


class Heldout(NamedTuple):
    r"""Means over held-out images, in nats per image, from one draw per image.

    The parts of the top layer use the exact aggregate posterior of the images
    evaluated, as if they were the data set: the mutual information cannot
    exceed the logarithm of their number.

    Attributes:
        elbo: The evidence lower bound: weights 1, no floor.
        log_likelihood: :math:`\log p(x \mid z)`.
        kl: KL per latent site; the log-ratio of a site that one program has alone.
        mutual_information: Index-code mutual information of the top layer.
        total_correlation: Total correlation of the top layer; NaN, as the next, where its posterior
            has a joint density and no marginals, as a flow has.
        dimension_wise_kl: Dimension-wise KL of the top layer.
        active_units: Dimensions per site whose posterior mean varies over images by more than 0.01
            (a variance); a site without a mean, as a flow, is left out. The layers below the top
            have learned priors, hence no fixed scale: read their counts beside their KL.
        num_images: How many images were evaluated.
    """

    elbo: float
    log_likelihood: float
    kl: dict[str, float]
    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float
    active_units: dict[str, int]
    num_images: int


def evaluate_heldout(
    model: Program,
    guide: Program,
    images: ImageSource,
    indices: Tensor,
    *,
    latent: str,
    context: Sequence[Tensor] = (),
    batch_size: int = 256,
    seed: int = 0,
) -> Heldout:
    """Evaluates any Pyro pair on part of a set of images.

    Networks run in evaluation mode. The draws have a random stream of their
    own: training goes on as if nothing had happened.

    Args:
        model: Takes pixels in [0, 1], shape :math:`(B, C, H, W)`, and observes them.
        guide: Takes the same and draws the latents.
        images: Where the images come from.
        indices: Which of them, int64, shape :math:`(n,)`.
        latent: The top site, whose KL is decomposed.
        context: Further arguments of both, tensors with a row for each image of the whole set (the
            labels of a conditional VAE).
        batch_size: Images at a time.
        seed: Seeds the draws.

    Returns:
        Means over the images.

    Raises:
        ValueError: Without images, or when `latent` is not a latent site of both.
        NotImplementedError: When a site is masked, or `latent` is no vector.
    """
    if len(indices) == 0:
        raise ValueError("expected at least one held-out image, got none")
    dtype = pixel_dtype(model, guide)
    kl: dict[str, float] = {}
    log_likelihood = 0.0
    draws: list[Tensor] = []
    posteriors: list[Distribution] = []
    means: dict[str, list[Tensor]] = {}
    log_q = log_p = 0.0
    with evaluation_mode(model, guide, seed=seed):
        batches = pixel_batches(images, indices, batch_size=batch_size, dtype=dtype)
        beside = context_batches(context, indices, batch_size=batch_size)
        for x, rows in zip(batches, beside, strict=True):
            traces = trace_pair(model, guide, x, *rows).with_log_probs()
            names = shared_latents(*traces, latent)
            check_reparameterised(*sample_sites(traces.guide).values())
            terms = read_log_probs(traces, _total)
            for log_prob in terms.observed.values():
                log_likelihood += log_prob
            for name, log_prob in terms.prior.items():
                kl[name] = kl.get(name, 0.0) - log_prob
            for name, log_prob in terms.posterior.items():
                kl[name] = kl.get(name, 0.0) + log_prob
            log_q += terms.posterior[latent]
            log_p += terms.prior[latent]
            top: Site = traces.guide.nodes[latent]
            draws.append(top["value"])
            posteriors.append(density(top, "decomposed"))
            for name, batch_means in posterior_means(guide, x, *rows, strict=False).items():
                if name in names:
                    means.setdefault(name, []).append(batch_means)
        log_qz = exact_log_density(torch.cat(draws), posteriors)
    n = len(indices)
    top_layer = aggregate_terms(log_q, log_p, log_qz)
    kl = {name: value / n for name, value in kl.items()}
    return Heldout(
        elbo=log_likelihood / n - sum(kl.values()),
        log_likelihood=log_likelihood / n,
        kl=kl,
        **top_layer._asdict(),
        active_units={name: num_active_units(torch.cat(m)) for name, m in means.items()},
        num_images=n,
    )


def _total(site: Site) -> float:
    """Sums over images."""
    total: float = unmasked(site).cpu().double().sum().item()
    return total
