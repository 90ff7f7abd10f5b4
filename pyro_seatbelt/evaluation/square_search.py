"""A search for distortions that uses no gradient: squares of the image at random.

References:
    | Square Attack (Andriushchenko et al., 2020), the idea of squares as proposals
    | https://arxiv.org/abs/1912.00049
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.reconstruction import reconstruct


@torch.no_grad()
def square_search(
    model: Program,
    guide: Program,
    x: Tensor,
    target: Tensor,
    size: NDArray[np.floating],
    *,
    steps: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> Tensor:
    r"""Looks for distortions of given sizes that bring the reconstruction near the target's.

    It starts at the blend of that size. Each step takes a random square of the image, puts a
    random share of :math:`x_t - x` there, scales the whole to its size, and keeps it if the
    reconstruction comes nearer. What gradients find should beat it; where it does not, the
    gradients are worth nothing, which is not robustness (Athalye et al., 2018).

    Args:
        model: The model.
        guide: Its guide.
        x: The inputs, pixels in [0, 1], shape `(B, *image)`.
        target: Their targets, of that shape.
        size: Relative sizes of the distortions, :math:`\|d\| / \|x_t - x\|`, at most 1, shape
            `(B,)`.
        steps: Proposals for each.
        seed: Seeds the proposals.
        progress: Is told how many steps are done.

    Returns:
        The distortions, shape `(B, *image)`; they stay between x and its target in every pixel.

    Example:
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=10)
        >>> x, target = torch.rand(2, 3, 1, 8, 8)
        >>> way = (target - x).flatten(1).norm(dim=1)
        >>> found = square_search(family.model, family.guide, x, target, np.full(3, 0.5), steps=5)
        >>> bool((found.flatten(1).norm(dim=1) < 0.51 * way).all())
        True
    """
    rng = np.random.default_rng(seed)
    way = target - x
    radius = torch.as_tensor(size, device=x.device).to(x) * _norm(way)
    aim = reconstruct(model, guide, target)
    share = _like(torch.as_tensor(size, device=x.device).to(x), x).expand_as(x).clone()
    best = _norm(reconstruct(model, guide, x + share * way) - aim)
    height, width = x.shape[-2:]
    for step in range(steps):
        proposal = share.clone()
        for row in range(len(x)):
            side = int(rng.integers(2, max(3, min(height, width) // 2)))
            top, left = (int(rng.integers(0, max(1, end - side + 1))) for end in (height, width))
            proposal[row, ..., top : top + side, left : left + side] = rng.random()
        length = _norm(proposal * way)
        proposal = (proposal * _like(radius / length.clamp(min=1e-12), x)).clamp(max=1)
        distance = _norm(reconstruct(model, guide, x + proposal * way) - aim)
        better = distance < best
        share[better], best = proposal[better], torch.where(better, distance, best)
        progress("steps", step + 1, steps)
    return share * way


def _norm(images: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(images.flatten(1), dim=1)
    return length


def _like(numbers: Tensor, images: Tensor) -> Tensor:
    """A number for each image, to be multiplied with it."""
    return numbers.view(-1, *[1] * (images.ndim - 1))
