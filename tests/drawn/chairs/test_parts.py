"""The parts of a chair, for every kind: they are solid, stand on the floor and meet."""

from dataclasses import replace

import numpy as np
import pytest

from pyro_seatbelt.drawn.chairs.arms import add_arms
from pyro_seatbelt.drawn.chairs.back import add_back
from pyro_seatbelt.drawn.chairs.base import add_base
from pyro_seatbelt.drawn.chairs.layout import BackSheet, ChairLayout
from pyro_seatbelt.drawn.chairs.seat import add_seat
from pyro_seatbelt.drawn.chairs.style import (
    ARMS,
    BACKS,
    BASES,
    SEATS,
    STRETCHERS,
    ChairStyle,
    chair_style,
)
from pyro_seatbelt.drawn.mesh import Mesh, Surface

PLAIN = replace(
    next(style for style in map(chair_style, range(99)) if style.base == "straight"),
    back="panel",
    arms="none",
    seat="square",
    stretchers="none",
)


def surface_of(add, style: ChairStyle) -> Surface:
    mesh = Mesh()
    add(mesh, style, ChairLayout.of(style))
    return mesh.surface()


@pytest.mark.parametrize("stretchers", STRETCHERS)
@pytest.mark.parametrize("base", BASES)
def test_base_reaches_from_the_floor_into_the_seat(base: str, stretchers: str):
    style = replace(PLAIN, base=base, stretchers=stretchers)
    surface = surface_of(add_base, style)
    heights = surface.corners[..., 2]
    assert -0.02 < heights.min() < 0.02
    seat = surface_of(add_seat, style).corners[..., 2]
    assert seat.min() < heights.max() < seat.max()


@pytest.mark.parametrize("seat", SEATS)
@pytest.mark.parametrize("cushion", [False, True])
def test_seat_is_as_wide_and_high_as_its_style(seat: str, cushion: bool):
    style = replace(PLAIN, seat=seat, cushion=cushion)
    corners = surface_of(add_seat, style).corners.reshape(-1, 3)
    width, depth, _ = np.ptp(corners, 0)
    assert width == pytest.approx(style.width, rel=0.06)
    assert depth == pytest.approx(style.depth, rel=0.06)
    top = style.seat_height + (0.6 * style.seat_thickness if cushion else 0)
    assert corners[:, 2].max() == pytest.approx(top)


@pytest.mark.parametrize("base", ["straight", "club"])
@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("back_roundness", [2.5, 7.0])
def test_back_is_behind_and_as_high_as_its_style(base: str, back: str, back_roundness: float):
    style = replace(PLAIN, base=base, back=back, back_roundness=back_roundness)
    corners = surface_of(add_back, style).corners.reshape(-1, 3)
    highest = corners[:, 2].max()
    assert highest == pytest.approx(style.seat_height + style.back_height, abs=0.06)
    assert corners[corners[:, 2] > highest - 0.05, 1].min() > 0


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("arms", ARMS[1:])
def test_arms_are_beside_the_seat_and_above_it(base: str, arms: str):
    style = replace(PLAIN, base=base, arms=arms)
    corners = surface_of(add_arms, style).corners.reshape(-1, 3)
    assert np.ptp(corners[:, 0]) > 0.85 * style.width
    assert corners[:, 2].max() == pytest.approx(style.seat_height + style.arm_height, abs=0.06)
    left, right = (mirrored_side(corners, side) for side in (-1, 1))
    assert left == right


def mirrored_side(corners: np.ndarray, side: int) -> set[tuple[float, ...]]:
    return {
        (round(abs(x), 6), round(y, 6) + 0.0, round(z, 6) + 0.0)
        for x, y, z in corners.tolist()
        if x * side > 1e-9
    }


def test_no_arms():
    mesh = Mesh()
    add_arms(mesh, PLAIN, ChairLayout.of(PLAIN))
    mesh.add(np.random.default_rng(0).normal(size=(6, 4, 3)), albedo=0.5)
    assert len(mesh.surface().corners) == 6


def test_chairs_are_symmetric():
    for style in map(chair_style, range(60)):
        spokes = style.base in {"star", "disc"}
        for add in (add_seat, add_back) if spokes else (add_seat, add_base, add_back):
            corners = surface_of(add, style).corners.reshape(-1, 3)
            assert corners[:, 0].min() == pytest.approx(-corners[:, 0].max(), abs=1e-6)


def test_sheet_leans_by_its_recline():
    style = replace(PLAIN, recline=10.0, back_curve=0.0)
    low, high = BackSheet(style, ChairLayout.of(style)).point(0.0, np.array([0.0, 0.5]))
    assert np.degrees(np.arctan2(high[1] - low[1], high[2] - low[2])) == pytest.approx(10)


def test_sheet_bows_in_the_middle():
    style = replace(PLAIN, back_curve=0.05)
    layout = ChairLayout.of(style)
    side, middle = BackSheet(style, layout).point(np.array([layout.back_x, 0]), style.back_height)
    assert middle[1] - side[1] == pytest.approx(0.05)


def test_arch_is_highest_in_the_middle():
    layout = ChairLayout.of(PLAIN)
    shares = BackSheet(PLAIN, layout).arch(np.linspace(-0.2, 0.2, 9), 0.55, 0.2)
    assert shares[4] == 1
    assert shares[0] == shares[-1] == pytest.approx(0.55)
    assert (np.diff(shares[:5]) >= 0).all()
