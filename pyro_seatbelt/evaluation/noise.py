r"""How well a model explains images whose noisy versions it has seen.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Section 5.3
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pyro_seatbelt.data import ImageSource
from pyro_seatbelt.evaluation.batches import context_batches, pixel_batches, pixel_dtype
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.log_prob import unmasked
from pyro_seatbelt.traces.programs import Program, trace_pair
from pyro_seatbelt.traces.sites import sample_sites


class NoiseRobustness(NamedTuple):
    r"""What the model makes of noisy images.

    Attributes:
        scales: Standard deviations of the noise, on data from -1 to 1.
        log_likelihood: :math:`\log p(x \mid z)` of the clean images, float64, in nats, shape
            `(scale, n)`.
    """

    scales: tuple[float, ...]
    log_likelihood: Tensor


def noise_robustness(
    model: Program,
    guide: Program,
    images: ImageSource,
    indices: Tensor,
    *,
    context: Sequence[Tensor] = (),
    scales: Sequence[float] = (0.0, 0.1, 0.25, 0.5, 1.0),
    site: str = "x",
    batch_size: int = 512,
    seed: int = 0,
    progress: Progress = silent,
) -> NoiseRobustness:
    r"""Encodes images with Gaussian noise and asks for the likelihood of the clean ones.

    As in the paper, :math:`z^* \sim q(z \mid x + s \epsilon)` and
    :math:`\log p(x \mid z^*)` of the clean x, one draw per image. The paper's scales are of data
    from -1 to 1; pixels here go from 0 to 1, so noise of scale s is added as :math:`s / 2`.
    Noisy pixels are not clamped, as they are not in the paper. Every scale sees the same
    :math:`\epsilon` and the same noise of the posterior, so that differences between scales are
    due to the scale.

    Args:
        model: Takes pixels in [0, 1], shape :math:`(B, C, H, W)`, and observes them at `site`.
        guide: Takes noisy pixels of that shape and draws the latents.
        images: Where the images come from.
        indices: Which of them, int64, shape :math:`(n,)`.
        context: Further arguments of both, tensors with a row for each image of the whole set (the
            labels of a conditional VAE).
        scales: Standard deviations of the noise, on data from -1 to 1.
        site: Name of the observed site.
        batch_size: Images at a time.
        seed: Seeds the noise and the draws; the global generators are left alone.
        progress: Is told how many images are done, over all scales.

    Returns:
        The log-likelihoods.

    Raises:
        ValueError: Without images, or when the model does not observe `site`.
        NotImplementedError: When the site is masked.

    Example:
        >>> from pyro_seatbelt import presets
        >>> from pyro_seatbelt.data import ResidentImages
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=10)
        >>> images = ResidentImages(torch.zeros(10, 1, 8, 8, dtype=torch.uint8))
        >>> noise_robustness(
        ...     family.model, family.guide, images, torch.arange(10), scales=(0.0, 1.0)
        ... ).log_likelihood.shape
        torch.Size([2, 10])
    """
    if len(indices) == 0:
        raise ValueError("expected at least one image, got none")
    dtype, total = pixel_dtype(model, guide), len(scales) * len(indices)
    rows = []
    for number, scale in enumerate(scales):
        parts = []
        with evaluation_mode(model, guide, seed=seed):
            batches = pixel_batches(images, indices, batch_size=batch_size, dtype=dtype)
            beside = context_batches(context, indices, batch_size=batch_size)
            for x, extra in zip(batches, beside, strict=True):
                noisy = x + 0.5 * scale * torch.randn_like(x)
                trace = trace_pair(model, guide, noisy, *extra, observed=x).model
                trace.compute_log_prob(lambda name, _: name == site)
                observed = sample_sites(trace).get(site)
                if observed is None or not observed["is_observed"]:
                    raise ValueError(f"the model does not observe a site '{site}'")
                parts.append(unmasked(observed).cpu().double().reshape(len(x), -1).sum(1))
                done = number * len(indices) + sum(map(len, parts))
                progress("images", done, total)
        rows.append(torch.cat(parts))
    return NoiseRobustness(tuple(scales), torch.stack(rows))
