import numpy as np
import pytest

from pyro_seatbelt.drawn.faces.portrait import portray
from pyro_seatbelt.drawn.faces.shape import FaceShape

ZERO = np.zeros(1)


def ball(albedo: float = 0.8, *, num: int = 40, middle: tuple[float, ...] = (0, 0, 0)) -> FaceShape:
    """A ball of radius 0.8, faces running so that their outside is outside."""
    u, v = np.linspace(0, 2 * np.pi, num, endpoint=False), np.linspace(0.01, np.pi - 0.01, num)
    points = np.stack(
        [np.outer(np.sin(v), np.cos(u)), np.outer(np.sin(v), np.sin(u)),
         np.outer(np.cos(v), np.ones_like(u))], -1
    ).reshape(-1, 3)  # fmt: skip
    row, column = (index.ravel() for index in np.indices((num - 1, num)))
    following = (column + 1) % num
    quads = np.stack(
        [row * num + column, (row + 1) * num + column, (row + 1) * num + following,
         row * num + following], 1
    )  # fmt: skip
    normals = points[quads].mean(1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return FaceShape(
        points=points * 0.8 + np.array(middle),
        quads=quads,
        outwards=normals,
        normals=normals,
        albedo=np.full(len(quads), albedo),
    )


def test_grid_of_views_and_lamps():
    shape = ball(middle=(0.2, -0.1, 0.15))
    angles = {"azimuths": [-30, 0, 40], "elevations": [-10, 20], "lamps": [-50, 0, 10, 60]}
    together = portray(shape, *(np.array(each, float) for each in angles.values()))
    assert together.shape == (3, 2, 4, 64, 64)
    for place in np.ndindex(3, 2, 4):
        single = [
            np.array([float(each[n])]) for each, n in zip(angles.values(), place, strict=True)
        ]
        assert np.array_equal(together[place], portray(shape, *single)[0, 0, 0])


def test_silhouette_is_that_of_a_ball():
    picture = portray(ball(), ZERO, ZERO, ZERO)[0, 0, 0]
    seen = np.tan(np.arcsin(0.8 / 6)) * 6 * 0.9  # half the picture is one
    assert (picture > 60).mean() == pytest.approx(np.pi * seen**2 / 4, rel=0.03)
    rows, columns = np.nonzero(picture)
    assert rows.mean() == pytest.approx(31.5, abs=0.1)
    assert columns.mean() == pytest.approx(31.5, abs=0.1)


def test_light_comes_from_the_lamp():
    left, front, right = portray(ball(), ZERO, ZERO, np.array([-60.0, 0, 60]))[0, 0].astype(float)
    columns = np.arange(64) - 31.5
    centres = [(picture.sum(0) * columns).sum() / picture.sum() for picture in (left, front, right)]
    assert centres[0] < -3
    assert centres[1] == pytest.approx(0, abs=0.1)
    assert centres[2] > 3
    assert np.abs(left - right[:, ::-1]).mean() < 0.5
    assert front[:32].sum() > front[32:].sum()  # a little from above


def test_lamp_travels_with_the_camera():
    pictures = portray(ball(), np.array([0.0, 90.0]), ZERO, np.array([40.0]))[:, 0, 0].astype(float)
    assert np.abs(pictures[0] - pictures[1]).mean() < 0.5


def test_grey_is_the_lit_albedo():
    """In the middle of the ball the light falls along a known angle."""
    picture = portray(ball(0.5), ZERO, ZERO, ZERO)[0, 0, 0]
    cosine = 0.9 / np.hypot(0.9, 0.38)
    expected = 255 * (0.5 * (0.18 + 0.92 * cosine)) ** 0.8
    assert picture[31:33, 31:33].mean() == pytest.approx(expected, abs=2)


def test_the_camera_goes_round():
    shape = ball(middle=(0.3, 0, 0))
    azimuths = np.array([-90.0, 0.0, 90.0])
    pictures = portray(shape, azimuths, ZERO, ZERO)[:, 0, 0]
    columns = [np.nonzero(picture)[1].mean() - 31.5 for picture in pictures]
    assert columns == pytest.approx([0, 9, 0], abs=1.5)
    areas = [(picture > 0).sum() for picture in pictures]
    assert areas[2] > areas[1] > areas[0]  # seen from the right it is nearer
