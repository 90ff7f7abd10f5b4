import numpy as np
import pytest

from pyro_seatbelt.drawn.mesh import (
    UP,
    Mesh,
    Points,
    Surface,
    box,
    chain,
    hexahedron,
    slab,
    superellipse,
    tubes,
)

START, END = np.array([0.1, 0.2, 0.3]), np.array([0.5, -0.4, 1.0])
SQUARE = superellipse(1, 1, 50, corners=4)
SOLIDS = {
    "box": box((0, 1, 2), (3, 5, 7)),
    "tube": tubes(START, END, 0.2, sides=8),
    "square tube": tubes(START, END, 0.2, sides=4),
    "upright tube": tubes([0, 0, 0], UP, 0.2, sides=6),
    "cone": tubes(START, END, 0.2, 0.1, sides=10),
    "slab": slab(superellipse(2, 1, 3), 0, 0.5),
    "rounded slab": slab(superellipse(2, 1, 3), 0, 0.5, bevel=0.05),
    "square slab": slab(SQUARE, 0, 1),
}


def surface_of(parts: Points) -> Surface:
    mesh = Mesh()
    mesh.add(parts, albedo=0.5)
    return mesh.surface()


def triangles(surface: Surface) -> np.ndarray:
    """Every face as two triangles, turned so that they run round their outward normals."""
    halves = surface.corners[:, [[0, 1, 2], [0, 2, 3]]]  # (F, 2, 3, 3)
    normals = np.cross(halves[:, :, 1] - halves[:, :, 0], halves[:, :, 2] - halves[:, :, 0])
    inward = (normals * surface.normals[:, None]).sum(-1) < 0
    halves[inward] = halves[inward][:, ::-1]
    return halves.reshape(-1, 3, 3)


def volume(surface: Surface) -> float:
    """By the divergence theorem: it is right only for closed surfaces that point outwards."""
    return float(np.linalg.det(triangles(surface)).sum() / 6)


@pytest.mark.parametrize("name", SOLIDS)
class TestEverySolid:
    def test_is_closed(self, name: str):
        corners = triangles(surface_of(SOLIDS[name]))
        areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert np.allclose(areas.sum(0), 0, atol=1e-12)

    def test_volume_does_not_depend_on_where_it_is(self, name: str):
        parts = SOLIDS[name]
        assert volume(surface_of(parts)) > 0
        assert np.isclose(
            volume(surface_of(parts + np.array([5, 6, 7]))), volume(surface_of(parts))
        )

    def test_normals_are_units_across_the_faces(self, name: str):
        surface = surface_of(SOLIDS[name])
        assert np.allclose(np.linalg.norm(surface.normals, axis=1), 1)
        edges = surface.corners[:, 1:] - surface.corners[:, :1]
        assert np.allclose(np.einsum("fci,fi->fc", edges, surface.normals), 0, atol=1e-9)


def test_volumes():
    assert np.isclose(volume(surface_of(SOLIDS["box"])), 3 * 4 * 5)
    length = np.linalg.norm(END - START)
    octagon = 8 / 2 * 0.2**2 * np.sin(2 * np.pi / 8)
    assert np.isclose(volume(surface_of(SOLIDS["tube"])), octagon * length)
    assert np.isclose(volume(surface_of(SOLIDS["square slab"])), np.ptp(SQUARE, 0).prod())


def test_frustum():
    decagon = 10 / 2 * np.sin(2 * np.pi / 10)
    expected = decagon * np.linalg.norm(END - START) * (0.2**2 + 0.2 * 0.1 + 0.1**2) / 3
    assert np.isclose(volume(surface_of(SOLIDS["cone"])), expected)


def test_bevel_takes_a_little_off():
    sharp, rounded = volume(surface_of(SOLIDS["slab"])), volume(surface_of(SOLIDS["rounded slab"]))
    assert 0.85 * sharp < rounded < sharp


def test_many_at_once_are_as_one_by_one():
    starts, ends = np.random.default_rng(0).normal(size=(2, 5, 3))
    together = tubes(starts, ends, 0.1, sides=6)
    for number in range(5):
        assert np.allclose(together[number], tubes(starts[number], ends[number], 0.1, sides=6))
    rings = np.random.default_rng(0).normal(size=(2, 5, 4, 3))
    assert np.array_equal(hexahedron(*rings)[3], hexahedron(*rings[:, 3]))


def test_parts_get_normals_of_their_own():
    left, right = box((0, 0, 0), (1, 1, 1)), box((1, 0, 0), (2, 1, 1))
    assert np.isclose(volume(surface_of(np.stack([left, right]))), 2)


def test_chain_links_its_points():
    links = chain([[0, 0, 0], [0, 0, 1], [0, 2, 1]], 0.1, sides=4)
    assert np.isclose(volume(surface_of(links)), 2 * 0.1**2 * 3)


def test_faces_without_an_area_are_dropped():
    parts = box((0, 0, 0), (1, 1, 1))
    parts[0] = 0
    assert len(surface_of(parts).corners) == 5


def test_albedo_follows_its_part():
    mesh = Mesh()
    mesh.add(box((0, 0, 0), (1, 1, 1)), albedo=0.25)
    mesh.add(box((2, 0, 0), (3, 1, 1)), albedo=0.75)
    surface = mesh.surface()
    assert (surface.albedo == np.where(surface.corners[:, 0, 0] > 1.5, 0.75, 0.25)).all()


@pytest.mark.parametrize("power", [2, 4.5, 9])
def test_superellipse_meets_its_equation(power: float):
    x, y = superellipse(2, 3, power).T
    assert np.allclose(np.abs(x / 2) ** power + np.abs(y / 3) ** power, 1)
