"""Takes grey pictures of a solid from a grid of viewpoints."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyro_seatbelt.drawn.mesh import Points, Surface
from pyro_seatbelt.drawn.raster import ScreenQuads, downsample, rasterise

_SIZE = 64
_SUPERSAMPLING = 3  # pictures are drawn this many times larger and averaged
_DISTANCE = 3.6
_FILL = 0.93
_AMBIENT, _SKY = 0.40, 0.17
_LAMPS = (((-0.45, 0.65, -0.61), 0.50), ((0.80, 0.25, -0.55), 0.16))
"""Directions towards the lamps in the camera's frame (right, up, forwards) and their strengths."""


def photograph(
    surface: Surface,
    azimuths: NDArray[np.float64],
    elevations: NDArray[np.float64],
) -> Tensor:
    """Draw a solid on white, seen from every combination of two angles.

    The solid is centred and scaled so that the ball around it fills the
    picture; two lamps travel with the camera and light falls from above.

    Args:
        surface: The solid.
        azimuths: Angles about the vertical axis, degrees, shape `(A,)`; 0 looks at the front.
        elevations: Angles above the horizon, degrees, shape `(E,)`.

    Returns:
        Grey values, uint8, shape `(E, A, 64, 64)`.

    Example:
        >>> from pyro_seatbelt.drawn.mesh import Mesh, box
        >>> mesh = Mesh()
        >>> mesh.add(box((0, 0, 0), (1, 1, 1)), albedo=0.5)
        >>> photograph(mesh.surface(), np.array([0.0, 45.0]), np.array([20.0])).shape
        torch.Size([1, 2, 64, 64])
    """
    views = orbit(azimuths, elevations)
    resolution = _SIZE * _SUPERSAMPLING
    quads = _project(surface, views, resolution)
    drawn = rasterise(
        quads,
        num_views=len(views),
        resolution=resolution,
        nearest=1 / (_DISTANCE - 1.05),
        farthest=1 / (_DISTANCE + 1.05),
    )
    pictures = downsample(drawn.to(torch.uint8), _SUPERSAMPLING)
    return pictures.view(len(elevations), len(azimuths), _SIZE, _SIZE)


def orbit(azimuths: NDArray[np.float64], elevations: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the axes of cameras around the origin, elevation-major.

    Args:
        azimuths: Angles about the vertical axis, degrees, shape `(A,)`; 0 looks at the front.
        elevations: Angles above the horizon, degrees, shape `(E,)`.

    Returns:
        Right, up and forwards of every camera, shape `(E * A, 3, 3)`.

    Example:
        >>> orbit(np.array([0.0]), np.array([0.0]))[0].tolist()
        [[1.0, 0.0, 0.0], [-0.0, 0.0, 1.0], [-0.0, 1.0, -0.0]]
    """
    elevation, azimuth = (
        np.radians(angles.ravel()) for angles in np.meshgrid(elevations, azimuths, indexing="ij")
    )
    cos_a, sin_a, cos_e, sin_e = (
        f(angle) for angle in (azimuth, elevation) for f in (np.cos, np.sin)
    )
    right = np.stack([cos_a, sin_a, np.zeros_like(cos_a)], -1)
    up = np.stack([-sin_a * sin_e, cos_a * sin_e, cos_e], -1)
    forwards = np.stack([-sin_a * cos_e, cos_a * cos_e, -sin_e], -1)
    return np.stack([right, up, forwards], -2).astype(np.float32)


def _project(surface: Surface, views: NDArray[np.float32], resolution: int) -> ScreenQuads:
    """Put the faces that look at the camera on the screen."""
    points = surface.corners.reshape(-1, 3)
    centred = points - (points.min(0) + points.max(0)) / 2
    radius = np.linalg.norm(centred, axis=1).max()
    seen = turn(centred / radius, views).reshape(len(views), -1, 4, 3)
    normals = turn(surface.normals, views)
    towards = seen.mean(2) + np.array([0, 0, _DISTANCE], np.float32)
    view, face = np.nonzero((normals * towards).sum(-1) < 0)
    corners = seen[view, face]  # (Q, 4, 3)
    shade = _shade(surface, normals[view, face], face)
    depth = corners[..., 2:] + np.float32(_DISTANCE)
    half = resolution / 2
    # the ball of radius one around the solid takes this share of the picture
    focal = np.float32(_FILL * (_DISTANCE**2 - 1) ** 0.5 * half)
    on_screen = corners[..., :2] / depth * focal
    return ScreenQuads(
        x=np.float32(half) + on_screen[..., 0],
        y=np.float32(half) - on_screen[..., 1],
        nearness=np.reciprocal(depth[..., 0]),
        label=shade,
        view=view.astype(np.int32),
    )


def turn(vectors: Points, views: NDArray[np.float32]) -> NDArray[np.float32]:
    """Express vectors in every camera's frame.

    Args:
        vectors: Points or directions, shape `(N, 3)`.
        views: From :func:`orbit`, shape `(V, 3, 3)`.

    Returns:
        Their parts to the right, up and forwards, shape `(V, N, 3)`.

    Example:
        >>> to_the_right = turn(np.array([[1.0, 0, 0]]), orbit(np.array([90.0]), np.zeros(1)))
        >>> to_the_right.round(6).tolist()
        [[[0.0, 0.0, -1.0]]]
    """
    return (vectors.astype(np.float32) @ views.transpose(0, 2, 1)).astype(np.float32, copy=False)


def _shade(
    surface: Surface, normals: NDArray[np.float32], face: NDArray[np.intp]
) -> NDArray[np.int32]:
    """Light faces whose normals are given in the camera's frame."""
    light = _AMBIENT + _SKY * surface.normals[face, 2]
    for direction, strength in _LAMPS:
        lamp = np.array(direction) / np.linalg.norm(direction)
        light = light + strength * np.maximum(normals @ lamp, 0)
    reflected = 0.03 + 0.94 * surface.albedo[face] * np.clip(light, 0.05, 1.05)
    # white is kept for the background
    grey: NDArray[np.int32] = np.clip(255 * reflected, 0, 250).astype(np.int32)
    return grey
