"""The gradient through draws that cannot be reparameterised."""

from collections.abc import Mapping, Sequence

import torch
from pyro.infer.util import MultiFrameTensor
from pyro.poutine import Trace
from torch import Tensor

from pyro_seatbelt.objectives.site_parts import negative_entropy
from pyro_seatbelt.traces.plates import plate_stack
from pyro_seatbelt.traces.ranks import shared_batch
from pyro_seatbelt.traces.sites import sample_sites, shared_latents


def score_function(
    model_trace: Trace,
    guide_trace: Trace,
    log_q: Mapping[str, Tensor],
    coupled: Tensor,
) -> Tensor | None:
    r"""A term of a loss that is 0 and has the gradient that the draws of discrete sites lack.

    .. math::
        \nabla E_{q(y)}[\ell(y)] = E_{q(y)}[\nabla \ell(y) + \ell(y) \nabla \log q(y)]

    Of the part of the loss that is a sum over plates only what shares a site's plates counts
    against it, and the gradient of its own :math:`\log q` is taken away, as in
    :class:`pyro.infer.Trace_ELBO`: neither has a part in the mean. What couples the images counts
    against all.

    Args:
        model_trace: Trace of the model, with log-probabilities.
        guide_trace: Trace of the guide, with log-probabilities.
        log_q: What the loss has for :math:`\log q` of every latent site of the guide, in the
            batch shape of the site, scaled and masked.
        coupled: What the loss has besides the negative log-ratio of model and guide, a sum.

    Returns:
        The term, differentiable, in nats; None without such a site.

    References:
        | Gradient Estimation Using Stochastic Computation Graphs (Schulman et al., 2015)
        | https://arxiv.org/abs/1506.05254
    """
    guide_sites = sample_sites(guide_trace)
    drawn = [
        site
        for site in guide_sites.values()
        if not site["is_observed"] and not site["fn"].has_rsample
    ]
    if not drawn:
        return None
    cost = MultiFrameTensor()
    for site in sample_sites(model_trace).values():
        cost.add((plate_stack(site), -site["log_prob"].detach()))
    for name, terms in log_q.items():
        cost.add((plate_stack(guide_sites[name]), terms.detach()))
    coupled, shared = coupled.detach(), shared_batch(drawn[0])
    if shared is not None:  # a draw has a part in what every process has of it
        coupled = shared.gather(coupled[None]).sum()
    parts = []
    for site in drawn:
        log_density = site["log_prob"]
        if log_q[site["name"]] is log_density:  # of an entropy in its place the gradient counts
            parts.append((log_density.detach() - log_density).sum())
        own = cost.sum_to(plate_stack(site)) + coupled
        score = site["unscaled_log_prob"]
        parts.append((own * (score - score.detach())).sum())
    return torch.stack(parts).sum()


def score_of_bound(
    model_trace: Trace,
    guide_trace: Trace,
    weighted: Sequence[tuple[float, Tensor]],
    others: Sequence[Tensor | None],
    *,
    analytic_entropy: bool,
) -> Tensor | None:
    """The :func:`score_function` of a weighted bound.

    Args:
        model_trace: As there.
        guide_trace: As there.
        weighted: The parts of the decomposed sites with their weights.
        others: What floors and the like add to the loss.
        analytic_entropy: Whether latents that model and guide share have their entropies in the
            loss.
    """
    coupled = sum((each for each in others if each is not None), weighted[0][1].new_zeros(()))
    for weight, part in weighted:
        if weight != 1:
            coupled = coupled + (weight - 1) * part
    shared = shared_latents(model_trace, guide_trace)
    log_q = {
        name: negative_entropy(site) if analytic_entropy and name in shared else site["log_prob"]
        for name, site in sample_sites(guide_trace).items()
    }
    return score_function(model_trace, guide_trace, log_q, coupled)
