"""What a pair makes of images that are distorted more and more along a straight line."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.traces.coverage import covered_share, l2_norms
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.reconstruction import reconstruct

_ROWS = 256
"""Images of one pass through the networks."""


class DistortionLines(NamedTuple):
    """Lines from inputs, each with points on it.

    Attributes:
        pair: The pair that each of n lines belongs to, shape `(n,)`.
        distortion: Relative distortions at k points, ascending from 0, shape `(n, k)`.
        covered: Shares of the way covered there, of that shape; NaN where they are undefined.
    """

    pair: NDArray[np.int64]
    distortion: NDArray[np.float64]
    covered: NDArray[np.float64]

    def of(self, pair: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The distortions and the shares of the lines of one pair.

        Args:
            pair: Its number.
        """
        own = self.pair == pair
        return self.distortion[own], self.covered[own]


@torch.no_grad()
def distortion_lines(
    model: Program,
    guide: Program,
    x: Tensor,
    target: Tensor,
    distortions: Tensor,
    pair: Sequence[int] | NDArray[np.int64],
    *,
    num_points: int = 8,
    progress: Progress = silent,
) -> DistortionLines:
    r"""Measures how much of the way is covered at :math:`x + s d` for fractions s of d.

    With :math:`d = x_t - x` the line is the blend of the two images.

    Args:
        model: The model.
        guide: Its guide.
        x: The inputs, pixels in [0, 1], shape `(B, *image)`.
        target: Their targets, of that shape.
        distortions: Such that x + d is in the data's range, and so all of the line, shape
            `(n, *image)`.
        pair: Which input each of them belongs to, shape `(n,)`.
        num_points: Points of a line besides d = 0, evenly spaced, the last at d itself.
        progress: Is told how many lines are done.

    Returns:
        The lines.

    Example:
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=10)
        >>> x, target = torch.rand(2, 3, 1, 8, 8)
        >>> lines = distortion_lines(
        ...     family.model, family.guide, x, target, target - x, range(3), num_points=4
        ... )
        >>> lines.distortion[0].tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    own = torch.tensor(pair, dtype=torch.int64, device=x.device)
    clean, aim = (reconstruct(model, guide, images) for images in (x, target))
    apart, room = l2_norms(target - x), l2_norms(clean - aim)
    fractions = torch.arange(1, num_points + 1, device=x.device) / num_points
    parts = []
    for some in torch.arange(len(own), device=x.device).split(max(1, _ROWS // num_points)):
        steps = distortions[some].to(x)[:, None] * fractions.view(-1, *[1] * (x.ndim - 1))
        images = (x[own[some]][:, None] + steps).flatten(0, 1)
        aims = aim[own[some]].repeat_interleave(num_points, 0)
        parts.append(
            l2_norms(reconstruct(model, guide, images) - aims).reshape(len(some), num_points)
        )
        progress("lines", int(some[-1]) + 1, len(own))
    to_aim = np.concatenate(parts) if parts else np.empty((0, num_points))
    numbers = own.cpu().numpy()
    relative = l2_norms(distortions) / apart[numbers]
    points = np.arange(num_points + 1) / num_points
    at_zero = room[numbers][:, None]
    covered = covered_share(np.hstack([at_zero, to_aim]), at_zero, apart[numbers][:, None])
    return DistortionLines(numbers, relative[:, None] * points, covered)
