"""Shapes and paints one synthetic face."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.drawn.faces.head import head
from pyro_seatbelt.drawn.faces.style import FaceStyle
from pyro_seatbelt.drawn.mesh import Points

_NECK = 5.92
_HEIGHT = 1.92
_EYES_TO_AXIS = 0.42
_FADE = 0.16
_NEARLY_BLACK = 0.05


class FaceShape(NamedTuple):
    """The surface of one head, upright, about two units high around the origin.

    Attributes:
        points: Points, shape `(P, 3)`: x to the right, y to the back, z up.
        quads: Points at the corners of each face, shape `(Q, 4)`.
        outwards: Which side of each face is the outside, not of unit length, shape `(Q, 3)`.
        normals: Unit vectors, smooth across faces, for the light; shape `(Q, 3)`.
        albedo: Share of light each face reflects, shape `(Q,)`.
    """

    points: Points
    quads: NDArray[np.int64]
    outwards: Points
    normals: Points
    albedo: NDArray[np.float64]


def face_shape(style: FaceStyle) -> FaceShape:
    """Shape and paint a head.

    It is cut off flat at the neck, where its shade fades to black, and stands
    on its vertical axis a little behind the eyes.

    Args:
        style: What it looks like.

    Returns:
        Its surface.

    Example:
        >>> from pyro_seatbelt.drawn.faces.style import face_style
        >>> shape = face_shape(face_style(0))
        >>> float(round(np.ptp(shape.points[:, 2]), 2))
        1.92
    """
    mean = head()
    corners = mean.shaped(style.strengths)
    neck = corners[np.abs(mean.points[:, 2] - _NECK) < 0.12, 2].mean()
    corners[:, 2] = np.maximum(corners[:, 2], neck)
    corners *= _HEIGHT / np.ptp(corners[:, 2])
    eyes = [np.unique(mean.grid.quads[mean.grid.eye == side]) for side in (1, 2)]
    points = mean.grid.at(corners)
    middle = np.mean([points[eye].mean(0) for eye in eyes], 0)
    origin = np.array(
        [middle[0], middle[1] + _EYES_TO_AXIS, (points[:, 2].min() + points[:, 2].max()) / 2]
    )
    points -= origin
    quads = mean.grid.quads
    at_corners = points[quads]
    outwards = np.cross(at_corners[:, 2] - at_corners[:, 0], at_corners[:, 3] - at_corners[:, 1])
    lid = at_corners[..., 2].max(1) <= points[:, 2].min() + 1e-6
    outwards[lid] = 0
    smooth = mean.grid.at(_corner_normals(corners, mean.quads))
    normals = _unit(smooth[quads].mean(1))
    return FaceShape(
        points=points,
        quads=quads,
        outwards=outwards,
        normals=normals,
        albedo=_paint(points, quads, eyes, style),
    )


def _corner_normals(corners: Points, quads: NDArray[np.int64]) -> Points:
    """Average the directions of the faces around each corner, larger faces more."""
    at_corners = corners[quads]
    normals = np.cross(at_corners[:, 2] - at_corners[:, 0], at_corners[:, 3] - at_corners[:, 1])
    sums = np.zeros_like(corners)
    for corner in range(4):
        np.add.at(sums, quads[:, corner], normals)
    return _unit(sums)


def _unit(vectors: Points) -> Points:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


@cache
def _lips() -> NDArray[np.float64]:
    """Return how much of a lip each face is, shape `(Q,)`."""
    reach = head().reach("mouth/mouth-upperlip-volume-incr", "mouth/mouth-lowerlip-volume-incr")
    shares = head().grid.at(reach)[head().grid.quads].mean(1)
    return np.clip(2.2 * shares, 0, 1)


def _paint(
    points: Points,
    quads: NDArray[np.int64],
    eyes: list[NDArray[np.int64]],
    style: FaceStyle,
) -> NDArray[np.float64]:
    eye = head().grid.eye
    centre = points[quads].mean(1)
    x, y, z = centre.T
    albedo = style.skin * (1 - (1 - style.lip) * _lips())
    for side, ball in enumerate((points[each] for each in eyes), start=1):
        middle, front = ball.mean(0), ball[:, 1].min()
        across = x - middle[0]
        # an arc above the eye, at the front of the head
        height = (z - middle[2] - 0.105 + 1.2 * across**2) / 0.026
        arc = np.exp(-(height**2)) * (np.abs(across) < 0.14) * (y < front + 0.25) * (eye == 0)
        albedo *= 1 - style.brow * arc
        radius = np.abs(ball - middle).max()
        off_centre = np.hypot(across, z - middle[2])[eye == side] / radius
        albedo[eye == side] = np.select(
            [off_centre < 0.34, off_centre < 0.58], [_NEARLY_BLACK, style.iris], 0.85
        )
    above_neck = (z - points[:, 2].min()) / _FADE
    shaded: NDArray[np.float64] = albedo * np.clip(above_neck, 0, 1)
    return shaded
