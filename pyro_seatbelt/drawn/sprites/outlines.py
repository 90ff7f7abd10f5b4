"""The three outlines of the published sprites, as distances from their centres."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Outline = NDArray[np.float64]
"""Corners in order, in pixels at full scale, x to the right and y downwards, shape `(N, 2)`."""

_SQUARE_HALF_SIDE = 9.6
_ELLIPSE_RADII = (12.8, 7.3)
_ELLIPSE_CORNERS = 24
# right half of the heart, from the notch to the tip; fitted to published frames
_HEART = (
    (0.000, -5.167), (0.486, -6.430), (1.210, -7.581), (2.110, -8.455), (3.123, -9.040),
    (4.181, -9.321), (5.229, -9.326), (6.226, -9.086), (7.125, -8.625), (7.907, -7.989),
    (8.583, -7.235), (9.098, -6.363), (9.424, -5.404), (9.663, -4.431), (9.612, -3.412),
    (9.298, -2.416), (8.970, -1.500), (8.546, -0.658), (8.049, 0.101), (7.535, 0.786),
    (7.008, 1.403), (6.481, 1.964), (5.963, 2.484), (5.449, 2.972), (4.945, 3.445),
    (4.439, 3.909), (3.936, 4.390), (3.411, 4.881), (2.868, 5.424), (2.279, 6.014),
    (1.646, 6.776), (0.915, 7.792), (0.000, 8.998),
)  # fmt: skip


def square() -> Outline:
    """Return the outline of the square.

    Example:
        >>> square().tolist()
        [[9.6, 9.6], [-9.6, 9.6], [-9.6, -9.6], [9.6, -9.6]]
    """
    return np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * _SQUARE_HALF_SIDE


def ellipse() -> Outline:
    """Return the outline of the ellipse, a polygon of 24 corners.

    Example:
        >>> ellipse().shape
        (24, 2)
    """
    angle = np.arange(_ELLIPSE_CORNERS) * 2 * np.pi / _ELLIPSE_CORNERS
    return np.stack([np.cos(angle), np.sin(angle)], 1) * _ELLIPSE_RADII


def heart() -> Outline:
    """Return the outline of the heart.

    Example:
        >>> heart()[[0, 32]].tolist()
        [[0.0, -5.167], [0.0, 8.998]]
    """
    right = np.array(_HEART)
    return np.concatenate([right, right[-2:0:-1] * [-1, 1]])


def squared_radii(outline: Outline, num_directions: int) -> Tensor:
    r"""Measure an outline from its centre in many directions.

    Args:
        outline: Corners of a polygon in which every point can be seen from the centre.
        num_directions: How many directions, evenly from :math:`-\pi` to :math:`\pi`.

    Returns:
        Squared distances in the middle of each direction's sector, float32, shape
        `(num_directions,)`.

    Example:
        >>> squared_radii(square(), 4).sqrt()
        tensor([13.5765, 13.5765, 13.5765, 13.5765])
    """
    angle = (np.arange(num_directions) + 0.5) * 2 * np.pi / num_directions - np.pi
    rays = np.stack([np.cos(angle), np.sin(angle)], 1)[:, None]  # (R, 1, 2)
    start = outline  # (N, 2)
    edge = np.roll(outline, -1, 0) - outline
    # solve distance * ray = start + share * edge
    crossed = _cross(rays, edge)
    crossed = np.where(np.abs(crossed) < 1e-9, 1e-9, crossed)
    distance = _cross(start, edge) / crossed  # (R, N)
    share = _cross(start, rays) / crossed
    meets = (distance > 0) & (share >= -1e-6) & (share <= 1 + 1e-6)
    radii = np.where(meets, distance, 0).max(1)
    return torch.from_numpy(radii**2).float()


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    product: NDArray[np.float64] = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return product
