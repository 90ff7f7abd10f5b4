from dataclasses import replace

import numpy as np
import pytest

from pyro_seatbelt.drawn.faces.head import head
from pyro_seatbelt.drawn.faces.shape import face_shape
from pyro_seatbelt.drawn.faces.style import face_style

SHAPE = face_shape(face_style(0))


def test_stands_upright_around_the_origin():
    for identity in range(5):
        points = face_shape(face_style(identity)).points
        assert np.ptp(points[:, 2]) == pytest.approx(1.92)
        assert points[:, 2].min() == pytest.approx(-0.96)
        assert np.abs(np.linalg.norm(points, axis=1)).max() < 1.6  # the reach of the camera


def test_normals_are_unit_vectors_outwards():
    lengths = np.linalg.norm(SHAPE.normals, axis=1)
    assert lengths == pytest.approx(np.ones_like(lengths))
    drawn = np.linalg.norm(SHAPE.outwards, axis=1) > 0
    assert ((SHAPE.normals * SHAPE.outwards).sum(1)[drawn] > 0).mean() > 0.99
    centres = SHAPE.points[SHAPE.quads].mean(1)
    away = centres - SHAPE.points.mean(0)
    skull = centres[:, 2] > 0.4
    assert ((SHAPE.outwards * away).sum(1)[skull] > 0).mean() > 0.95


def test_neck_is_cut_flat_and_fades():
    bottom = SHAPE.points[SHAPE.quads][..., 2].max(1) < -0.96 + 1e-6
    assert bottom.any()
    assert (SHAPE.outwards[bottom] == 0).all()
    heights = SHAPE.points[SHAPE.quads].mean(1)[:, 2]
    assert SHAPE.albedo[heights < -0.95].max() < 0.1
    assert SHAPE.albedo[heights > -0.7].min() >= 0.03


def test_paint_follows_the_style():
    style = face_style(0)
    eye = head().grid.eye
    for change, brighter in (("skin", 0.85), ("lip", 1.0), ("iris", 0.5)):
        before = face_shape(replace(style, **{change: 0.3})).albedo
        after = face_shape(replace(style, **{change: brighter})).albedo
        changed = after > before + 0.01
        assert changed.any()
        assert (after >= before).all()
        assert (eye[changed] > 0).all() == (change == "iris")
    dark = face_shape(replace(style, brow=0.9)).albedo < face_shape(replace(style, brow=0.1)).albedo
    x, y, z = SHAPE.points[SHAPE.quads].mean(1)[dark & (eye == 0)].T
    assert np.abs(x).max() < 0.5
    assert z.min() > 0
    assert y.max() < 0
