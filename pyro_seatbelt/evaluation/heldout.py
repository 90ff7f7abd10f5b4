"""The bound and its parts on images that training has not seen."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from pyro_seatbelt.data import ImageSource
from pyro_seatbelt.evaluation.batches import context_batches, pixel_batches, pixel_dtype
from pyro_seatbelt.evaluation.decomposition import aggregate_terms
from pyro_seatbelt.evaluation.heldout_means import Heldout
from pyro_seatbelt.evaluation.units import num_active_units
from pyro_seatbelt.objectives.aggregate import exact_log_density
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.factors import density
from pyro_seatbelt.traces.log_prob import read_log_probs, unmasked
from pyro_seatbelt.traces.plates import find_plate, plate_stack, rows_first
from pyro_seatbelt.traces.posteriors import posterior_means
from pyro_seatbelt.traces.programs import PairTraces, Program, trace_pair
from pyro_seatbelt.traces.sites import (
    Site,
    check_reparameterised,
    sample_sites,
    shared_latents,
)


class HeldoutImages(NamedTuple):
    r"""The bound of each of n held-out images, float64, in nats: means over its draws.

    Attributes:
        elbo: The evidence lower bound, shape :math:`(n,)`.
        log_likelihood: :math:`\log p(x \mid z)`, shape :math:`(n,)`.
        kl: KL per latent site, shape :math:`(n,)` each.
        summary: The means over the images.
    """

    elbo: Tensor
    log_likelihood: Tensor
    kl: dict[str, Tensor]
    summary: Heldout


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
    """Evaluates any Pyro pair on part of a set of images, from one draw per image.

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
    return evaluate_heldout_images(
        model,
        guide,
        images,
        indices,
        latent=latent,
        context=context,
        batch_size=batch_size,
        seed=seed,
    ).summary


def evaluate_heldout_images(
    model: Program,
    guide: Program,
    images: ImageSource,
    indices: Tensor,
    *,
    latent: str,
    context: Sequence[Tensor] = (),
    num_draws: int = 1,
    batch_size: int = 256,
    seed: int = 0,
    progress: Progress = silent,
) -> HeldoutImages:
    """Does what :func:`evaluate_heldout` does, and keeps the bound of every image.

    Args:
        model: As there.
        guide: As there.
        images: As there.
        indices: As there.
        latent: As there.
        context: As there.
        num_draws: Draws per image, of which means are taken. The aggregate posterior has a
            component for each of them: where the top layer has parents, every draw of these.
        batch_size: Draws at a time.
        seed: As there.
        progress: Is told how many draws are done.

    Returns:
        Every image's bound, and their means. What a site outside the plate over images
        contributes is shared out among the images.

    Raises:
        ValueError: As there.
        NotImplementedError: As there.
    """
    if len(indices) == 0:
        raise ValueError("expected at least one held-out image, got none")
    chosen = indices.repeat(num_draws)
    batches = pixel_batches(
        images,
        chosen,
        batch_size=batch_size,
        dtype=pixel_dtype(model, guide),
        progress=progress,
    )
    parts: list[_Batch] = []
    means: dict[str, list[Tensor]] = {}
    unseen = len(indices)
    with evaluation_mode(model, guide, seed=seed):
        beside = context_batches(context, chosen, batch_size=batch_size)
        for x, rows in zip(batches, beside, strict=True):
            parts.append(_read(trace_pair(model, guide, x, *rows).with_log_probs(), latent))
            if unseen > 0:  # later draws have the same means
                first = [each[:unseen] for each in (x, *rows)]
                for name, each in posterior_means(guide, *first, strict=False).items():
                    if name in parts[0].latents:
                        means.setdefault(name, []).append(each)
            unseen -= len(x)
        log_qz = exact_log_density(
            torch.cat([part.draws for part in parts]), [part.posterior for part in parts]
        )
    log_q, log_p = (
        torch.cat([getattr(part, name) for part in parts]) for name in ("log_q", "log_p")
    )

    def by_image(each: Iterable[Tensor]) -> Tensor:
        return torch.cat(list(each)).reshape(num_draws, -1).mean(0)

    log_likelihood = by_image(part.log_likelihood for part in parts)
    kl = {name: by_image(part.kl[name] for part in parts) for name in parts[0].kl}
    elbo = log_likelihood - sum(kl.values())
    summary = Heldout(
        elbo=elbo.mean().item(),
        log_likelihood=log_likelihood.mean().item(),
        kl={name: each.mean().item() for name, each in kl.items()},
        **aggregate_terms(log_q.sum().item(), log_p.sum().item(), log_qz)._asdict(),
        active_units={name: num_active_units(torch.cat(each)) for name, each in means.items()},
        num_images=len(indices),
    )
    return HeldoutImages(elbo, log_likelihood, kl, summary)


class _Batch(NamedTuple):
    """What is kept of a batch of draws: float64 of shape (B,), and the top layer."""

    latents: Sequence[str]
    log_likelihood: Tensor
    kl: dict[str, Tensor]
    log_q: Tensor
    log_p: Tensor
    draws: Tensor
    posterior: Distribution


def _read(traces: PairTraces, latent: str) -> _Batch:
    latents = shared_latents(*traces, latent)
    check_reparameterised(*sample_sites(traces.guide).values())
    top: Site = traces.guide.nodes[latent]
    posterior = density(top, "decomposed")
    size = len(top["value"])
    # one vector per image, so that what is around it is the plate over images
    plates = {each.name for trace in traces for each in plate_stack(trace.nodes[latent])}

    def by_row(site: Site) -> Tensor:
        log_prob = unmasked(site).cpu().double()
        plate = find_plate(site, *plates)
        if plate is None:
            return (log_prob.sum() / size).expand(size)
        return rows_first(log_prob, plate.axis).sum(1)

    terms = read_log_probs(traces, by_row)
    kl = dict(terms.posterior)
    for name, log_prob in terms.prior.items():
        kl[name] = kl[name] - log_prob if name in kl else -log_prob
    return _Batch(
        latents=latents,
        log_likelihood=sum(terms.observed.values(), torch.zeros(size, dtype=torch.float64)),
        kl=kl,
        log_q=terms.posterior[latent],
        log_p=terms.prior[latent],
        draws=top["value"],
        posterior=posterior,
    )
