r"""What a guide says about a whole set of images: the mixture behind the aggregate posterior."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from pyro import poutine
from torch import Tensor
from torch.distributions import Distribution

from pyro_seatbelt.data import ImageSource
from pyro_seatbelt.evaluation.batches import context_batches, pixel_batches, pixel_dtype
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.factors import factorised
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.sites import sample_sites

_PIECE = 1024
"""Posteriors that are looked at together, so that chunks of pairs stay small."""


class Encoding(NamedTuple):
    r"""One latent site of n images.

    Attributes:
        draws: One draw per image, shape :math:`(n, D)`.
        posterior: The factors of :math:`q(z_i \mid \text{pa}_i)` that they come from, of batch
            shape :math:`(n, D)`. The parent of an upper layer is the draw of the layer that the
            guide drew before it.
    """

    draws: Tensor
    posterior: Distribution


def encode(
    guide: Program,
    images: ImageSource,
    indices: Tensor,
    *,
    context: Sequence[Tensor] = (),
    batch_size: int = 512,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Encoding]:
    r"""Runs a guide over part of a set of images and keeps its posteriors.

    Memory grows with :math:`n D`.

    Args:
        guide: Takes pixels in [0, 1], shape :math:`(B, C, H, W)`, and draws the latents.
        images: Where the images come from.
        indices: Which of them, int64, shape :math:`(n,)`.
        context: Further arguments of the guide, tensors with a row for each image of the whole set
            (the labels of a conditional VAE).
        batch_size: Images at a time.
        seed: Seeds the draws; the global generators are left alone.
        progress: Is told how many images are done.

    Returns:
        The latent sites by name, in the guide's order.

    Raises:
        ValueError: Without images.
        NotImplementedError: When a site is not factorised into one vector per image.

    Example:
        >>> from pyro_seatbelt import presets
        >>> from pyro_seatbelt.data import ResidentImages
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=10)
        >>> images = ResidentImages(torch.zeros(10, 1, 8, 8, dtype=torch.uint8))
        >>> encode(family.guide, images, torch.arange(10))["z1"].draws.shape
        torch.Size([10, 10])
    """
    if len(indices) == 0:
        raise ValueError("expected at least one image to encode, got none")
    parts: dict[str, list[Encoding]] = {}
    batches = pixel_batches(
        images, indices, batch_size=batch_size, dtype=pixel_dtype(guide), progress=progress
    )
    beside = context_batches(context, indices, batch_size=batch_size)
    with evaluation_mode(guide, seed=seed):
        for x, rows in zip(batches, beside, strict=True):
            sites = sample_sites(poutine.trace(guide).get_trace(x, *rows))
            for name, site in sites.items():
                if site["is_observed"]:
                    continue
                base = factorised(site, "encoded")
                if len(base.batch_shape) != 2:
                    raise NotImplementedError(
                        f"site '{name}' cannot be encoded: expected one vector per image, got a "
                        f"batch shape of {tuple(base.batch_shape)}"
                    )
                parts.setdefault(name, []).append(Encoding(site["value"], base))
    return {name: _join(pieces) for name, pieces in parts.items()}


def rows_of(posterior: Distribution, rows: Tensor | slice) -> Distribution:
    """Chooses some images of a batch of factorised posteriors.

    Args:
        posterior: Of batch shape :math:`(n, D)`.
        rows: Which images.

    Returns:
        A distribution of the same family for these images.

    Raises:
        NotImplementedError: When the family is not one of plain parameters.

    Example:
        >>> from torch.distributions import Normal
        >>> rows_of(Normal(torch.zeros(5, 2), 1.0), torch.tensor([4, 0])).batch_shape
        torch.Size([2, 2])
    """
    chosen = {name: value[rows] for name, value in _parameters(posterior).items()}
    return _like(posterior, chosen)


def in_pieces(posterior: Distribution) -> list[Distribution]:
    """Divides the posteriors of many images so that chunks of pairs stay small.

    Args:
        posterior: Of batch shape :math:`(N, D)`.

    Returns:
        Distributions of at most 1024 images each.
    """
    count = posterior.batch_shape[0]
    return [rows_of(posterior, slice(start, start + _PIECE)) for start in range(0, count, _PIECE)]


def _join(pieces: Sequence[Encoding]) -> Encoding:
    posteriors = [piece.posterior for piece in pieces]
    tables = [_parameters(posterior) for posterior in posteriors]
    joined = {name: torch.cat([table[name] for table in tables]) for name in tables[0]}
    return Encoding(
        draws=torch.cat([piece.draws for piece in pieces]),
        posterior=_like(posteriors[0], joined),
    )


def _parameters(posterior: Distribution) -> dict[str, Tensor]:
    """Parameters by name, each in the batch shape."""
    shape = posterior.batch_shape
    return {
        name: torch.as_tensor(getattr(posterior, name)).expand(shape)
        for name in posterior.arg_constraints
    }


def _like(posterior: Distribution, parameters: Mapping[str, Tensor]) -> Distribution:
    family: Any = type(posterior)
    if not parameters:  # a transformed distribution keeps its parameters further inside
        raise NotImplementedError(
            f"the posteriors of many images cannot be put together as {family.__name__}: expected "
            "a family of plain parameters such as Normal or Laplace"
        )
    made: Distribution = family(**parameters, validate_args=False)
    return made
