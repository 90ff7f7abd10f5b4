r"""The ELBO and the importance-weighted bound of every image.

References:
    | Importance Weighted Autoencoders (Burda et al., 2015), Eq 8
    | https://arxiv.org/abs/1509.00519
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import pyro
import torch
from torch import Tensor

from pyro_seatbelt.data import ImageSource
from pyro_seatbelt.evaluation.batches import context_batches, pixel_batches, pixel_dtype
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.generators import kept_generators
from pyro_seatbelt.traces.log_prob import read_log_probs, unmasked
from pyro_seatbelt.traces.plates import data_plate, draws_first, plate_nesting
from pyro_seatbelt.traces.programs import PairTraces, Program, trace_pair
from pyro_seatbelt.traces.sites import Site, sample_sites

ROWS = 1024
"""Draws that go through the networks together."""


class WeightedDraws(NamedTuple):
    r"""K draws of every latent for each of B images, and what they weigh.

    Attributes:
        latents: The draws by site, shape :math:`(K, B, D)`.
        log_likelihood: :math:`\log p(x \mid z)`, shape :math:`(K, B)`, in nats.
        log_ratio: :math:`\log q(z_i \mid \cdot) - \log p(z_i \mid \cdot)` by site, of that shape.
    """

    latents: dict[str, Tensor]
    log_likelihood: Tensor
    log_ratio: dict[str, Tensor]

    @property
    def log_weight(self) -> Tensor:
        r""":math:`\log p(x, z) - \log q(z \mid x)`, shape :math:`(K, B)`."""
        return self.log_likelihood - sum(self.log_ratio.values())


class Bound(NamedTuple):
    r"""Lower bounds of :math:`\log p(x)` of n images, float64, in nats.

    Attributes:
        elbo: Evidence lower bound, mean over the K draws, shape :math:`(n,)`.
        iwae: Importance-weighted bound of the K draws, shape :math:`(n,)`.
        log_likelihood: :math:`\log p(x \mid z)`, mean over the draws, shape :math:`(n,)`.
        kl: KL per latent site, mean over the draws, shape :math:`(n,)` each.
    """

    elbo: Tensor
    iwae: Tensor
    log_likelihood: Tensor
    kl: dict[str, Tensor]


def importance_weighted_bound(
    model: Program,
    guide: Program,
    images: ImageSource,
    indices: Tensor,
    *,
    context: Sequence[Tensor] = (),
    num_samples: int = 64,
    plate: str = "data",
    vectorize: bool = True,
    seed: int = 0,
    progress: Progress = silent,
) -> Bound:
    r"""Evaluates the importance-weighted bound of any Pyro pair.

    .. math::
        \log \frac{1}{K} \sum_k \frac{p(x, z_k)}{q(z_k \mid x)}, \qquad z_k \sim q(z \mid x)

    It is a lower bound of :math:`\log p(x)` in expectation: the ELBO at K = 1, and larger for
    larger K. It approaches :math:`\log p(x)` slowly where the posterior is far from the guide.

    Args:
        model: Takes pixels in [0, 1], shape :math:`(B, C, H, W)`, and observes them.
        guide: Takes the same and draws the latents.
        images: Where the images come from.
        indices: Which of them, int64, shape :math:`(n,)`.
        context: Further arguments of both, tensors with a row for each image of the whole set (the
            labels of a conditional VAE).
        num_samples: K, draws per image.
        plate: Name of the plate over images.
        vectorize: Whether draws go through the pair together, in a plate to the left of its own;
            a pair that takes no further leading dimension needs False.
        seed: Seeds the draws; the global generators are left alone.
        progress: Is told how many images are done.

    Returns:
        A bound for each image.

    Raises:
        ValueError: Without images or draws, when a site is not inside the plate over images, or
            a latent of the model has no posterior.
        NotImplementedError: When a site is masked.

    Example:
        >>> from pyro_seatbelt import presets
        >>> from pyro_seatbelt.data import ResidentImages
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=10)
        >>> images = ResidentImages(torch.zeros(10, 1, 8, 8, dtype=torch.uint8))
        >>> bound = importance_weighted_bound(
        ...     family.model, family.guide, images, torch.arange(10), num_samples=5
        ... )
        >>> bool((bound.iwae >= bound.elbo).all())
        True

        A pair whose plate has another name, and that takes no dimension left of it:

        >>> import pyro.distributions as dist
        >>> def model(x):
        ...     with pyro.plate("photographs", 10, subsample=x):
        ...         pyro.sample("x", dist.Normal(x, 1.0).to_event(3), obs=x)
        >>> importance_weighted_bound(
        ...     model, lambda x: None, images, torch.arange(10), num_samples=2,
        ...     plate="photographs", vectorize=False,
        ... ).iwae.shape
        torch.Size([10])
    """
    if len(indices) == 0 or num_samples < 1:
        raise ValueError(
            f"expected images and draws, got {len(indices)} images and {num_samples} draws"
        )
    batch_size = max(1, ROWS // num_samples) if vectorize else 256
    batches = pixel_batches(
        images,
        indices,
        batch_size=batch_size,
        dtype=pixel_dtype(model, guide),
        progress=progress,
    )
    beside = context_batches(context, indices, batch_size=batch_size)
    parts = []
    with evaluation_mode(model, guide, seed=seed):
        for x, rows in zip(batches, beside, strict=True):
            draws = weighted_draws(
                *(model, guide, x, num_samples),
                context=rows,
                plate=plate,
                vectorize=vectorize,
                keep=False,
            )
            log_weight = draws.log_weight.cpu().double()
            parts.append(
                Bound(
                    elbo=log_weight.mean(0),
                    iwae=log_weight.logsumexp(0) - math.log(num_samples),
                    log_likelihood=draws.log_likelihood.cpu().double().mean(0),
                    kl={n: each.cpu().double().mean(0) for n, each in draws.log_ratio.items()},
                )
            )
    return Bound(
        elbo=torch.cat([part.elbo for part in parts]),
        iwae=torch.cat([part.iwae for part in parts]),
        log_likelihood=torch.cat([part.log_likelihood for part in parts]),
        kl={name: torch.cat([part.kl[name] for part in parts]) for name in parts[0].kl},
    )


def weighted_draws(
    model: Program,
    guide: Program,
    x: Tensor,
    num_samples: int,
    *,
    context: Sequence[Tensor] = (),
    plate: str = "data",
    vectorize: bool = True,
    keep: bool = True,
) -> WeightedDraws:
    """Draws latents of some images and weighs them, from torch's generator as it stands.

    Args:
        model: Observes images.
        guide: Draws the latents.
        x: Pixels in [0, 1], shape :math:`(B, C, H, W)`.
        num_samples: K, draws per image.
        context: Further arguments of both, a row for each of these images.
        plate: Name of the plate over images.
        vectorize: Whether several draws go through the pair together.
        keep: Whether to keep the draws themselves.

    Returns:
        The draws and their log-weights.

    Raises:
        ValueError: When a site is not inside the plate over images, or a latent of the model has
            no posterior.
        NotImplementedError: When a site is masked.
    """
    at_once = min(num_samples, max(1, ROWS // len(x))) if vectorize else 1
    nesting = _plate_nesting(model, guide, x, context) if at_once > 1 else 0
    parts = []
    for start in range(0, num_samples, at_once):
        count = min(at_once, num_samples - start)
        with ExitStack() as stack:
            particles = None
            if at_once > 1:
                particles = -nesting - 1
                stack.enter_context(pyro.plate("importance_draws", count, dim=particles))
            traces = trace_pair(model, guide, x, *context).with_log_probs()
        parts.append(_weigh(traces, particles, plate, keep=keep))
    return WeightedDraws(
        latents=_stack([part.latents for part in parts]),
        log_likelihood=torch.cat([part.log_likelihood for part in parts]),
        log_ratio=_stack([part.log_ratio for part in parts]),
    )


def _weigh(traces: PairTraces, particles: int | None, plate: str, *, keep: bool) -> WeightedDraws:
    def by_image(site: Site) -> Tensor:
        """Sums all but draws and images: :math:`(K, B)`."""
        log_prob = unmasked(site)
        return draws_first(log_prob, particles, data_plate(site, plate).dim).sum(2)

    terms = read_log_probs(traces, by_image)
    latents = {n: s for n, s in sample_sites(traces.guide).items() if not s["is_observed"]}
    missing = next((name for name in terms.prior if name not in latents), None)
    if missing is not None:
        raise ValueError(
            f"model site '{missing}' has no posterior: sample it in the guide, which has "
            f"{', '.join(latents) or 'none'}"
        )
    if not terms.observed:
        raise ValueError("the model observes nothing: give it the images to observe")
    values = {}
    if keep:
        for name, site in latents.items():
            rank = len(site["fn"].event_shape)
            draws = None if particles is None else particles - rank
            values[name] = draws_first(site["value"], draws, data_plate(site, plate).dim - rank)
    log_ratio = {name: terms.posterior[name] for name in latents}
    for name, log_p in terms.prior.items():
        log_ratio[name] = log_ratio[name] - log_p
    return WeightedDraws(values, torch.stack(list(terms.observed.values())).sum(0), log_ratio)


def _plate_nesting(model: Program, guide: Program, x: Tensor, context: Sequence[Tensor]) -> int:
    """How many dimensions the plates of a pair take, from a run on few images."""
    with kept_generators(x.device):
        return plate_nesting(*trace_pair(model, guide, x[:2], *(each[:2] for each in context)))


def _stack(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
