"""Takes grey pictures of a head from a grid of viewpoints, each under several lamps."""

import numpy as np
import torch
from numpy.typing import NDArray

from pyro_seatbelt.drawn.camera import orbit, turn
from pyro_seatbelt.drawn.faces.shape import FaceShape
from pyro_seatbelt.drawn.raster import ScreenQuads, rasterise

_SIZE = 64
_SUPERSAMPLING = 3  # pictures are drawn this many times larger and averaged
_DISTANCE = 6.0
_ZOOM = 0.9
_REACH = 1.6
_LABEL_BITS = 14
_AMBIENT, _LAMP = 0.18, 0.92
_GAMMA = 1 / 1.25


def portray(
    shape: FaceShape,
    azimuths: NDArray[np.float64],
    elevations: NDArray[np.float64],
    lamps: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Draw a head on black, seen from every combination of two angles, lit from every third.

    What is seen where does not depend on the light: each view is drawn once
    with the numbers of its faces, and these are then lit by one lamp after
    the other. The lamp travels with the camera, a little above it.

    Args:
        shape: The head.
        azimuths: Angles about the vertical axis, degrees, shape `(A,)`; 0 looks at the front.
        elevations: Angles above the horizon, degrees, shape `(E,)`.
        lamps: Angles of the lamp to the right of the camera, degrees, shape `(L,)`.

    Returns:
        Grey values, shape `(A, E, L, 64, 64)`.

    Example:
        >>> from pyro_seatbelt.drawn.faces.shape import face_shape
        >>> from pyro_seatbelt.drawn.faces.style import face_style
        >>> angles = np.array([-20.0, 20.0])
        >>> portray(face_shape(face_style(0)), angles, angles, np.array([0.0])).shape
        (2, 2, 1, 64, 64)
    """
    pictures = np.empty((len(azimuths), len(elevations), len(lamps), _SIZE, _SIZE), np.uint8)
    for row, elevation in enumerate(elevations):  # all at once would not fit into caches
        views = orbit(azimuths, np.array([elevation]))
        for column, (axes, samples) in enumerate(
            zip(views, _sample_faces(shape, views), strict=True)
        ):
            lit = torch.nn.functional.embedding_bag(
                samples, _lit_faces(shape, axes, lamps), mode="mean"
            )  # (64 * 64, L)
            grey = lit.t().add(0.5).to(torch.uint8)
            pictures[column, row] = grey.view(len(lamps), _SIZE, _SIZE).numpy()
    return pictures


def _sample_faces(shape: FaceShape, views: NDArray[np.float32]) -> torch.Tensor:
    """Return which faces are seen in each pixel, several of each, shape `(V, 64 * 64, 9)`."""
    resolution = _SIZE * _SUPERSAMPLING
    labels = rasterise(
        _project(shape, views, resolution),
        num_views=len(views),
        resolution=resolution,
        nearest=1 / (_DISTANCE - _REACH),
        farthest=1 / (_DISTANCE + _REACH),
        label_bits=_LABEL_BITS,
        background=len(shape.quads),
    )
    blocks = labels.view(-1, _SIZE, _SUPERSAMPLING, _SIZE, _SUPERSAMPLING).transpose(2, 3)
    return blocks.reshape(len(views), _SIZE**2, _SUPERSAMPLING**2)


def _project(shape: FaceShape, views: NDArray[np.float32], resolution: int) -> ScreenQuads:
    """Put the faces that look at the camera on the screen."""
    seen = turn(shape.points, views)  # (V, P, 3)
    seen[..., 2] += _DISTANCE
    outwards = turn(shape.outwards, views)
    # the plane of a face has the camera, the origin, on its outer side
    towards = np.einsum("vqc,vqc->vq", outwards, seen[:, shape.quads[:, 0]])
    towards += np.einsum("vqc,vqc->vq", outwards, seen[:, shape.quads[:, 2]])
    view, face = np.nonzero(towards < 0)
    focal = np.float32(_ZOOM * _DISTANCE * resolution / 2)
    nearness = np.reciprocal(seen[..., 2])
    middle = np.float32(resolution / 2)
    x = middle + focal * seen[..., 0] * nearness
    y = middle - focal * seen[..., 1] * nearness
    corners = view[:, None], shape.quads[face]
    return ScreenQuads(
        x=x[corners],
        y=y[corners],
        nearness=nearness[corners],
        label=face.astype(np.int32),
        view=view.astype(np.int32),
    )


def _lit_faces(
    shape: FaceShape, axes: NDArray[np.float32], lamps: NDArray[np.float64]
) -> torch.Tensor:
    """Return the grey of every face under every lamp, the background last, `(Q + 1, L)`."""
    angle = np.radians(lamps)
    directions = np.stack([0.9 * np.sin(angle), np.full_like(angle, 0.38), -0.9 * np.cos(angle)])
    directions /= np.linalg.norm(directions, axis=0)
    in_the_scene = axes.T @ directions  # (3, L)
    cosines = shape.normals.astype(np.float32) @ in_the_scene.astype(np.float32)
    light = _AMBIENT + _LAMP * torch.from_numpy(cosines).clamp_(min=0)
    reflected = light * torch.from_numpy(shape.albedo.astype(np.float32))[:, None]
    grey = reflected.clamp_(0, 1).pow_(_GAMMA).mul_(255)
    return torch.cat([grey, grey.new_zeros(1, len(lamps))])
