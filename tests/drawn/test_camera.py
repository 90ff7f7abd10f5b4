import numpy as np
import pytest
import torch

from pyro_seatbelt.drawn.camera import photograph
from pyro_seatbelt.drawn.mesh import Mesh, Surface, box


def table(albedo: float = 0.5) -> Surface:
    mesh = Mesh()
    mesh.add(box((-1, -0.5, 0.8), (1, 0.5, 1)), albedo=albedo)
    mesh.add(box((-0.9, -0.4, 0), (-0.7, -0.2, 0.8)), albedo=albedo)
    return mesh.surface()


def turned(surface: Surface, degrees: float) -> Surface:
    angle = np.radians(degrees)
    rotation = np.array(
        [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    return Surface(surface.corners @ rotation, surface.normals @ rotation, surface.albedo)


def shoot(surface: Surface, azimuth: float, elevation: float = 20.0) -> torch.Tensor:
    return photograph(surface, np.array([azimuth]), np.array([elevation]))[0, 0]


def test_turning_the_camera_is_turning_the_thing_back():
    # a quarter turn keeps the box around the thing, and so its centre
    around = shoot(table(), 90).float()
    assert (around - shoot(turned(table(), -90), 0).float()).abs().mean() < 0.5
    assert (around - shoot(turned(table(), 90), 0).float()).abs().mean() > 5


def test_views_come_elevation_by_elevation():
    azimuths, elevations = np.array([0.0, 40.0, 80.0]), np.array([20.0, 30.0])
    together = photograph(table(), azimuths, elevations)
    assert together.shape == (2, 3, 64, 64)
    for e, elevation in enumerate(elevations):
        for a, azimuth in enumerate(azimuths):
            assert torch.equal(together[e, a], shoot(table(), azimuth, elevation))


def test_fits_into_the_picture_on_white():
    pictures = photograph(table(), np.arange(0.0, 360, 30), np.array([0.0, 45.0]))
    border = torch.cat([pictures[..., [0, -1], :].flatten(), pictures[..., [0, -1]].flatten()])
    assert (border == 255).all()
    assert ((pictures < 255).float().mean((-1, -2)) > 0.05).all()


def test_size_and_place_of_the_thing_do_not_count():
    moved = table()._replace(corners=table().corners * 7 + [3, -2, 10])
    assert (shoot(moved, 20).float() - shoot(table(), 20).float()).abs().mean() < 0.5


def test_up_is_up_and_right_is_right():
    picture = shoot(table(), 0, 0).float()
    rows, columns = torch.nonzero(picture < 255).unbind(-1)
    assert (picture[rows.min() : rows.min() + 3] < 255).sum() > 100  # the top of the table
    legs = columns[rows == rows.max()]
    assert legs.max() < 32  # its one leg is on the left


def test_brighter_albedo_is_brighter():
    dark, bright = (shoot(table(albedo), 30).float() for albedo in (0.2, 0.8))
    drawn = dark < 255
    assert (bright[drawn] >= dark[drawn]).all()
    assert bright[drawn].mean() > 2 * dark[drawn].mean()


def test_white_is_kept_for_the_background(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pyro_seatbelt.drawn.camera._SUPERSAMPLING", 1)
    picture = photograph(table(1.0), np.array([0.0]), np.array([30.0]))
    assert picture[picture < 255].max() <= 250
