import numpy as np
import pytest
import torch

from pyro_seatbelt.drawn.raster import ScreenQuads, downsample, rasterise

RESOLUTION = 24


def random_quads(seed: int, count: int, num_views: int) -> ScreenQuads:
    """Convex, planar quadrilaterals: corners on a circle, pulled out of shape by one map."""
    generator = np.random.default_rng(seed)
    angle = np.sort(generator.uniform(0, 2 * np.pi, (count, 4)), 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], -1)
    shape = generator.uniform(-10, 10, (count, 2, 2))
    corners = circle @ shape + generator.uniform(-4, RESOLUTION + 4, (count, 1, 2))
    plane = generator.uniform(-0.01, 0.01, (count, 1, 2))
    nearness = 0.5 + generator.uniform(-0.1, 0.1, (count, 1)) + (corners * plane).sum(-1)
    return ScreenQuads(
        x=corners[..., 0].astype(np.float32),
        y=corners[..., 1].astype(np.float32),
        nearness=nearness.astype(np.float32),
        label=generator.integers(0, 255, count).astype(np.int32),
        view=generator.integers(0, num_views, count).astype(np.int32),
    )


def slow_rasterise(quads: ScreenQuads, num_views: int) -> np.ndarray:
    """Ask at every pixel centre which quadrilaterals surround it and which is the nearest."""
    images = np.full((num_views, RESOLUTION, RESOLUTION), 255, np.uint8)
    best = np.full(images.shape, -np.inf)
    for x, y, nearness, label, view in zip(*quads, strict=True):
        corners = np.stack([x, y, np.ones(4)], 1).astype(float)
        plane, *_ = np.linalg.lstsq(corners, nearness.astype(float), rcond=None)
        for row in range(RESOLUTION):
            for column in range(RESOLUTION):
                px, py = column + 0.5, row + 0.5
                edge_x, edge_y = np.roll(x, -1) - x, np.roll(y, -1) - y
                turns = edge_x * (py - y) - edge_y * (px - x)
                near = plane @ [px, py, 1]
                if (all(turns > 0) or all(turns < 0)) and near > best[view, row, column]:
                    best[view, row, column] = near
                    images[view, row, column] = label
    return images


def draw(quads: ScreenQuads, num_views: int = 1) -> np.ndarray:
    return rasterise(
        quads, num_views=num_views, resolution=RESOLUTION, nearest=1.5, farthest=-0.5
    ).numpy()


@pytest.mark.parametrize("seed", range(4))
def test_matches_a_slow_obvious_one(seed: int):
    quads = random_quads(seed, count=30, num_views=2)
    fast, slow = draw(quads, 2), slow_rasterise(quads, 2)
    assert (slow != 255).mean() > 0.2
    assert (fast != slow).sum() <= 2  # a centre on an edge, to rounding


def test_order_of_drawing_does_not_count():
    quads = random_quads(0, count=40, num_views=1)
    turned = ScreenQuads(*(field[::-1].copy() for field in quads))
    assert np.array_equal(draw(quads), draw(turned))


def test_corners_may_run_either_way_and_start_anywhere():
    quads = random_quads(1, count=1, num_views=1)
    for order in ([3, 2, 1, 0], [1, 2, 3, 0]):
        turned = quads._replace(
            x=quads.x[:, order], y=quads.y[:, order], nearness=quads.nearness[:, order]
        )
        assert (draw(quads) != draw(turned)).sum() <= 1


def test_neighbours_share_no_pixel_and_leave_no_gap():
    corners = np.random.default_rng(0).uniform(4, 20, (5, 5, 2))
    grid = np.stack(np.meshgrid(np.linspace(0, 24, 5), np.linspace(0, 24, 5)), -1)
    grid[1:-1, 1:-1] += (corners[1:-1, 1:-1] - 12) / 8
    counts = np.zeros((RESOLUTION, RESOLUTION), int)
    for row in range(4):
        for column in range(4):
            cell = grid[[row, row, row + 1, row + 1], [column, column + 1, column + 1, column]]
            quads = ScreenQuads(
                x=cell[None, :, 0].astype(np.float32),
                y=cell[None, :, 1].astype(np.float32),
                nearness=np.full((1, 4), 0.5, np.float32),
                label=np.zeros(1, np.int32),
                view=np.zeros(1, np.int32),
            )
            counts += draw(quads)[0] == 0
    assert (counts == 1).all()


def test_nothing_off_the_screen():
    quads = random_quads(2, count=5, num_views=1)
    away = quads._replace(x=quads.x + 1000)
    assert (draw(away) == 255).all()
    above = quads._replace(y=quads.y - 1000)
    assert (draw(above) == 255).all()


def test_edge_on_quads_draw_nothing():
    quads = random_quads(3, count=5, num_views=1)
    flat = quads._replace(y=np.full_like(quads.y, 7.25))
    assert (draw(flat) == 255).all()


def test_downsample_is_a_rounded_mean():
    images = torch.randint(0, 256, (2, 12, 12), dtype=torch.uint8)
    blocks = images.numpy().reshape(2, 4, 3, 4, 3).mean((2, 4))
    assert np.array_equal(downsample(images, 3).numpy(), np.floor(blocks + 0.5).astype(np.uint8))
    assert torch.equal(downsample(images, 1), images)
