r"""Mutual information, total correlation and dimension-wise KL under the aggregate posterior.

References:
    | Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018), Eq 2
    | https://arxiv.org/abs/1802.04942
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eqs 2 and 3
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from pyro import poutine
from torch import Tensor
from torch.distributions import Distribution

from pyro_seatbelt.data import ImageSource
from pyro_seatbelt.data.subset import even_subset
from pyro_seatbelt.evaluation.batches import context_batches, pixel_batches, pixel_dtype
from pyro_seatbelt.evaluation.encodings import Encoding, rows_of
from pyro_seatbelt.objectives.aggregate import LogDensity, exact_log_density
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.log_prob import unmasked
from pyro_seatbelt.traces.programs import Program

_PIECE = 1024
"""Posteriors that are looked at together, so that chunks of pairs stay small."""


class AggregateTerms(NamedTuple):
    r"""The KL of a layer in three parts, means over draws in nats per image.

    Attributes:
        mutual_information: Index-code mutual information,
            :math:`E[\log q(z \mid \text{pa}) - \log q(z)]`.
        total_correlation: :math:`E[\log q(z) - \sum_j \log q(z_j)]`.
        dimension_wise_kl: :math:`E[\sum_j \log q(z_j) - \log p(z)]`.
    """

    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float


def aggregate_terms(log_q: float, log_p: float, density: LogDensity) -> AggregateTerms:
    r"""Divides a KL into its three parts.

    Args:
        log_q: :math:`\log q(z_i \mid \text{pa}_i)` summed over the draws.
        log_p: :math:`\log p(z_i)` summed over the draws.
        density: Log-densities of the draws under the aggregate posterior.

    Returns:
        Means over the draws; they add up to :math:`(\log q - \log p) / n`.

    Example:
        >>> density = LogDensity(torch.tensor([-1.0]), torch.tensor([[-2.0, -3.0]]))
        >>> aggregate_terms(-0.5, -7.0, density)
        AggregateTerms(mutual_information=0.5, total_correlation=4.0, dimension_wise_kl=2.0)
    """
    n = len(density.joint)
    joint = density.joint.cpu().double().sum().item()
    marginal = density.marginal.cpu().double().sum().item()
    return AggregateTerms((log_q - joint) / n, (joint - marginal) / n, (marginal - log_p) / n)


def decompose(
    model: Program,
    images: ImageSource,
    indices: Tensor,
    encodings: Mapping[str, Encoding],
    *,
    latent: str,
    context: Sequence[Tensor] = (),
    num_draws: int = 2048,
    batch_size: int = 512,
    seed: int = 0,
) -> AggregateTerms:
    r"""Decomposes the KL of a layer with the exact aggregate posterior of a set of images.

    :math:`q(z) = \frac{1}{N} \sum_n q(z \mid \text{pa}_n)` is a mixture over every image that was
    encoded: give those that the model was trained on. A layer with a parent has one draw of it
    per image. The expectation is over `num_draws` of these images, evenly spread, one draw each.

    Of a part of the data set the mixture is that of the part alone: its mutual information cannot
    exceed the logarithm of its number of images, and comes out too low where posteriors hardly
    overlap; the total correlation then comes out too high.

    Args:
        model: Takes pixels in [0, 1], shape :math:`(B, C, H, W)`, and observes them.
        images: Where the images come from.
        indices: Those that were encoded, int64, shape :math:`(N,)`.
        encodings: Posteriors of every latent site (:func:`~pyro_seatbelt.evaluation.encode`).
        latent: The layer, usually the top one.
        context: Further arguments of the model, tensors with a row for each image of the whole set
            (the labels of a conditional VAE).
        num_draws: Images whose draws the expectation is over, at most N.
        batch_size: Images at a time.
        seed: Seeds latents of the model that the guide does not have.

    Returns:
        Means over the draws, in nats per image.

    Raises:
        ValueError: When `latent` is not among the encodings, or is no latent of the model.
        NotImplementedError: When its site is masked.
    """
    if latent not in encodings:
        raise ValueError(
            f"site '{latent}' was not encoded (those are: {', '.join(encodings) or 'none'})"
        )
    draws, posterior = encodings[latent]
    rows = torch.from_numpy(even_subset(min(num_draws, len(draws)), len(draws))).sort().values
    rows = rows.to(draws.device)
    x_rows = indices[rows.to(indices.device)]
    batches = pixel_batches(images, x_rows, batch_size=batch_size, dtype=pixel_dtype(model))
    log_p = 0.0
    with evaluation_mode(model, seed=seed):
        beside = context_batches(context, x_rows, batch_size=batch_size)
        for some, x, extra in zip(rows.split(batch_size), batches, beside, strict=True):
            values = {name: each.draws[some] for name, each in encodings.items()}
            trace = poutine.trace(poutine.condition(model, data=values)).get_trace(x, *extra)
            if latent not in trace.nodes:
                raise ValueError(f"site '{latent}' is no latent of the model")
            trace.compute_log_prob(lambda name, _: name == latent)
            log_p += unmasked(trace.nodes[latent]).cpu().double().sum().item()
        points = draws[rows]
        log_q = rows_of(posterior, rows).log_prob(points).cpu().double().sum().item()
        density = exact_log_density(points, in_pieces(posterior))
    return aggregate_terms(log_q, log_p, density)


def in_pieces(posterior: Distribution) -> list[Distribution]:
    """Divides the posteriors of many images so that chunks of pairs stay small.

    Args:
        posterior: Of batch shape :math:`(N, D)`.

    Returns:
        Distributions of at most 1024 images each.
    """
    count = posterior.batch_shape[0]
    return [rows_of(posterior, slice(start, start + _PIECE)) for start in range(0, count, _PIECE)]
