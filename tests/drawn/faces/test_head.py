import numpy as np
import pytest

from pyro_seatbelt.drawn.faces.head import head


def test_axes():
    """x to the right, y to the back, z up: the eyes are at the front of the upper half."""
    mean = head()
    eyes = mean.points[np.unique(mean.grid.parents[np.unique(mean.grid.quads[mean.grid.eye > 0])])]
    low, high = mean.points.min(0), mean.points.max(0)
    middle = (low + high) / 2
    assert abs(middle[0]) < 0.01
    assert eyes[:, 1].mean() < middle[1]
    assert low[2] + 0.4 * (high - low)[2] < eyes[:, 2].mean() < high[2] - 0.2 * (high - low)[2]


def test_eyes_are_on_either_side():
    mean = head()
    sides = [mean.points[mean.grid.parents[mean.grid.quads[mean.grid.eye == n], 0]] for n in (1, 2)]
    assert sides[0][..., 0].mean() * sides[1][..., 0].mean() < 0


def test_shapes_move_what_they_say():
    mean = head()
    strengths = np.zeros(len(mean.shapes))
    assert np.array_equal(mean.shaped(strengths), mean.points)
    strengths[mean.shapes.index("nose/nose-trans-up")] = 1
    moved = mean.shaped(strengths) - mean.points
    tip = np.argmin(mean.points[:, 1])
    assert moved[tip, 2] > 0.01
    assert np.allclose(moved[np.argmax(mean.points[:, 2])], 0)


def test_opposites_take_left_and_right_together():
    mean = head()
    names = {each.name: each for each in mean.opposites}
    eyes = names["eyes/eye-scale-incr"]
    assert [mean.shapes[number] for number in eyes.more] == [
        "eyes/l-eye-scale-incr",
        "eyes/r-eye-scale-incr",
    ]
    assert [mean.shapes[number] for number in eyes.less] == [
        "eyes/l-eye-scale-decr",
        "eyes/r-eye-scale-decr",
    ]
    assert len(names["nose/nose-hump-incr"].more) == 1
    assert not any(name.startswith(("macrodetails", "head/head-trans")) for name in names)


class TestGrid:
    def test_lies_on_the_mesh(self):
        mean = head()
        assert mean.grid.shares.sum(1) == pytest.approx(1)
        corners = mean.points[mean.quads]
        low, high = corners.min((0, 1)), corners.max((0, 1))
        points = mean.grid.at(mean.points)
        assert (points >= low - 1e-9).all()
        assert (points <= high + 1e-9).all()

    def test_has_the_same_area(self):
        def area(corners: np.ndarray) -> float:
            first = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            second = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 0])
            return float(np.linalg.norm(first, axis=1).sum() + np.linalg.norm(second, axis=1).sum())

        mean = head()
        cut = area(mean.grid.at(mean.points)[mean.grid.quads])
        assert cut == pytest.approx(area(mean.points[mean.quads]), rel=0.01)

    def test_has_no_large_faces(self):
        mean = head()
        corners = mean.grid.at(mean.points)[mean.grid.quads]
        assert np.linalg.norm(corners[:, 0] - corners[:, 2], axis=1).max() < 0.15
        assert len(corners) < 1 << 14  # labels of the rasteriser

    def test_shares_points_across_edges(self):
        """Every edge has a face on either side, except at the neck and where sizes meet."""
        quads = head().grid.quads
        edges = np.sort(np.stack([quads, np.roll(quads, -1, 1)], -1).reshape(-1, 2), 1)
        _, counts = np.unique(edges, axis=0, return_counts=True)
        assert counts.max() == 2
        assert (counts == 2).mean() > 0.9
