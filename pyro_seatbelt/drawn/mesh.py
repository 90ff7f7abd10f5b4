"""Solids made of convex parts, each a set of flat quadrilaterals."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
"""Coordinates, shape `(..., 3)`: x to the right, y to the back, z up."""


UP = np.array([0.0, 0.0, 1.0])


class Surface(NamedTuple):
    """The faces of a solid.

    Attributes:
        corners: Corners of the faces, shape `(F, 4, 3)`.
        normals: Unit vectors pointing outwards, shape `(F, 3)`.
        albedo: Share of light each face reflects, shape `(F,)`.
    """

    corners: Points
    normals: Points
    albedo: NDArray[np.float64]


class Mesh:
    """A solid under construction.

    Example:
        >>> mesh = Mesh()
        >>> mesh.add(box((0, 0, 0), (1, 1, 1)), albedo=0.5)
        >>> mesh.surface().normals.sum(0).tolist()
        [0.0, 0.0, 0.0]
    """

    def __init__(self) -> None:
        self._surfaces: list[Surface] = []

    def add(self, parts: Points, *, albedo: float) -> None:
        """Add convex parts of one shade.

        Normals are turned away from each part's centre, so the corners of a
        face may run either way round. Faces without an area are dropped.

        Args:
            parts: Faces of one part, shape `(F, 4, 3)`, or of several, shape `(P, F, 4, 3)`.
            albedo: Share of light reflected, in [0, 1].
        """
        parts = parts.reshape(-1, *parts.shape[-3:])  # (P, F, 4, 3)
        outwards = parts.mean(2) - parts.mean((1, 2))[:, None]
        normals = np.cross(parts[:, :, 2] - parts[:, :, 0], parts[:, :, 3] - parts[:, :, 1])
        area = np.linalg.norm(normals, axis=-1)
        inward = (normals * outwards).sum(-1) < 0
        normals = np.where(inward[..., None], -normals, normals)
        flat = area > 1e-9
        albedos = np.full(int(flat.sum()), albedo)
        self._surfaces.append(Surface(parts[flat], normals[flat] / area[flat, None], albedos))

    def surface(self) -> Surface:
        """Return all faces added so far."""
        return Surface(*(np.concatenate(field) for field in zip(*self._surfaces, strict=True)))


def hexahedron(bottom: ArrayLike, top: ArrayLike) -> Points:
    """Join two rings of four corners into six faces.

    Args:
        bottom: One ring, shape `(..., 4, 3)`.
        top: The ring above it, same shape.

    Returns:
        Faces, shape `(..., 6, 4, 3)`.

    Example:
        >>> hexahedron(np.zeros((5, 4, 3)), np.ones((5, 4, 3))).shape
        (5, 6, 4, 3)
    """
    low, high = np.asarray(bottom, float), np.asarray(top, float)
    following = [1, 2, 3, 0]
    sides = np.stack([low, low[..., following, :], high[..., following, :], high], -2)
    return np.concatenate([low[..., None, :, :], high[..., None, :, :], sides], -3)


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Points:
    """Return the six faces of a box between two opposite corners.

    Example:
        >>> box((0, 0, 0), (2, 3, 4)).max((0, 1)).tolist()
        [2.0, 3.0, 4.0]
    """
    (x0, y0, z0), (x1, y1, z1) = low, high
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    return hexahedron([[x, y, z0] for x, y in ring], [[x, y, z1] for x, y in ring])


def tubes(
    starts: ArrayLike,
    ends: ArrayLike,
    radius: float,
    end_radius: float | None = None,
    *,
    sides: int,
) -> Points:
    """Return closed tubes between pairs of points.

    Args:
        starts: First ends, shape `(..., 3)`.
        ends: Second ends, same shape.
        radius: Radius at the first end.
        end_radius: Radius at the second end, by default the same.
        sides: Number of sides, even.

    Returns:
        Faces, shape `(..., F, 4, 3)`.

    Example:
        >>> tubes([0, 0, 0], [0, 0, 1], 0.1, sides=6).shape
        (10, 4, 3)
    """
    start, end = np.asarray(starts, float), np.asarray(ends, float)
    axis = end - start
    axis = axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-12)
    steep = np.abs(axis[..., 2:]) >= 0.9
    across = np.cross(np.where(steep, [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]), axis)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    upright = np.cross(axis, across)
    angle = ((np.arange(sides) + 0.5) * 2 * np.pi / sides)[:, None]
    ring = np.cos(angle) * across[..., None, :] + np.sin(angle) * upright[..., None, :]
    first = start[..., None, :] + ring * radius
    second = end[..., None, :] + ring * (radius if end_radius is None else end_radius)
    return _prism(first, second)


def chain(points: ArrayLike, radius: float, *, sides: int) -> Points:
    """Return tubes through a row of points.

    Args:
        points: Corners of the path, shape `(N, 3)`.
        radius: Radius of the tubes.
        sides: Number of sides, even.

    Returns:
        Faces, shape `(N - 1, F, 4, 3)`.

    Example:
        >>> chain([[0, 0, 0], [0, 0, 1], [0, 1, 1]], 0.1, sides=4).shape
        (2, 6, 4, 3)
    """
    path = np.asarray(points, float)
    return tubes(path[:-1], path[1:], radius, sides=sides)


def slab(outline: Points, bottom: float, top: float, *, bevel: float = 0.0) -> Points:
    """Return a convex outline raised into a slab.

    Args:
        outline: Corners seen from above, shape `(N, 2)`, N even.
        bottom: Height of the lower side.
        top: Height of the upper side.
        bevel: How much the rim is rounded, as a share of the outline's size.

    Returns:
        Faces, shape `(F, 4, 3)`.

    Example:
        >>> square = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
        >>> slab(square, 0, 0.1).shape, slab(square, 0, 0.1, bevel=0.05).shape
        ((6, 4, 3), (18, 4, 3))
    """
    rise = top - bottom
    if bevel > 0:
        scales = [1 - bevel, 1.0, 1.0, 1 - bevel / 2, 1 - 2 * bevel]
        heights = [bottom, bottom + 0.3 * rise, bottom + 0.65 * rise, bottom + 0.9 * rise, top]
    else:
        scales, heights = [1.0, 1.0], [bottom, top]
    centre = outline.mean(0)
    rings = [
        np.column_stack([centre + (outline - centre) * scale, np.full(len(outline), height)])
        for scale, height in zip(scales, heights, strict=True)
    ]
    sides = [_band(low, high) for low, high in pairwise(rings)]
    return np.concatenate([*sides, _lid(rings[0]), _lid(rings[-1])])


def superellipse(x_radius: float, y_radius: float, power: float, *, corners: int = 20) -> Points:
    """Return the outline :math:`|x/a|^p + |y/b|^p = 1`.

    Args:
        x_radius: Half its width, a.
        y_radius: Half its depth, b.
        power: The exponent p: 2 is an ellipse, larger ones approach a rectangle.
        corners: How many corners, even.

    Returns:
        Corners, shape `(corners, 2)`.

    Example:
        >>> float((superellipse(1, 1, 2) ** 2).sum(1).max().round(6))
        1.0
    """
    angle = np.arange(corners) * 2 * np.pi / corners + np.pi / corners
    cos, sin = np.cos(angle), np.sin(angle)
    return np.column_stack(
        [
            x_radius * np.sign(cos) * np.abs(cos) ** (2 / power),
            y_radius * np.sign(sin) * np.abs(sin) ** (2 / power),
        ]
    )


def _prism(low: Points, high: Points) -> Points:
    """Join two rings of corners, shape `(..., N, 3)`, and close both ends."""
    return np.concatenate([_band(low, high), _lid(low), _lid(high)], -3)


def _band(low: Points, high: Points) -> Points:
    """Return the sides between two rings, shape `(..., N, 4, 3)`."""
    return np.stack([low, np.roll(low, -1, -2), np.roll(high, -1, -2), high], -2)


def _lid(ring: Points) -> Points:
    """Cover a convex ring with a fan of quadrilaterals, shape `(..., N // 2 - 1, 4, 3)`."""
    num_corners = ring.shape[-2]
    corners = [[0, k, k + 1, k + 2] for k in range(1, num_corners - 2, 2)]
    return ring[..., corners, :]
