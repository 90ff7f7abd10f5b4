"""What a synthetic chair stands on."""

from collections.abc import Callable

import numpy as np

from pyro_seatbelt.drawn.chairs.layout import ChairLayout
from pyro_seatbelt.drawn.chairs.style import Base, ChairStyle
from pyro_seatbelt.drawn.mesh import UP, Mesh, chain, slab, superellipse, tubes

_SIDES = (-1, 1)


def add_base(mesh: Mesh, style: ChairStyle, layout: ChairLayout) -> None:
    """Add the base named by the style."""
    _BASES[style.base](mesh, style, layout)


def _add_four_legs(mesh: Mesh, style: ChairStyle, layout: ChairLayout) -> None:
    splayed = style.base == "splayed"
    splay = style.splay if splayed else style.splay * 0.12
    feet, tops = [], []
    for side in _SIDES:
        for y, leg_x in ((-layout.leg_y, layout.front_x), (layout.leg_y, layout.back_x)):
            end = np.sign(y)
            x, inner_y = leg_x - style.leg_radius, y - end * style.leg_radius
            tops.append([side * x, inner_y, layout.base_top])
            feet.append([side * (x + splay), inner_y + end * splay, 0])
    foot_radius = layout.leg_radius * (style.taper if splayed else 1.0)
    legs = tubes(feet, tops, foot_radius, layout.leg_radius, sides=layout.leg_sides)
    mesh.add(legs, albedo=style.frame)
    if style.stretchers == "sides":
        _add_side_stretchers(mesh, style, layout, splay)
    elif style.stretchers == "front and back":
        _add_end_stretchers(mesh, style, layout, splay)


def _add_side_stretchers(mesh: Mesh, style: ChairStyle, layout: ChairLayout, splay: float) -> None:
    """Add a bar along either side, and one across between them."""
    radius, z = style.leg_radius, layout.seat_top * 0.38
    reach = splay * (1 - z / layout.base_top) - radius
    y = layout.leg_y + reach
    front, back = layout.front_x + reach, layout.back_x + reach
    middle = (front + back) / 2
    starts = [[-front, -y, z], [front, -y, z], [-middle, 0, z]]
    ends = [[-back, y, z], [back, y, z], [middle, 0, z]]
    mesh.add(tubes(starts, ends, radius * 0.6, sides=6), albedo=style.frame)


def _add_end_stretchers(mesh: Mesh, style: ChairStyle, layout: ChairLayout, splay: float) -> None:
    """Add a bar between the front legs and one between the back legs."""
    radius, z = style.leg_radius, layout.seat_top * 0.3
    reach = splay * (1 - z / layout.base_top) - radius
    y = layout.leg_y + reach
    front, back = layout.front_x + reach, layout.back_x + reach
    bars = tubes(
        [[-front, -y, z], [-back, y, z]], [[front, -y, z], [back, y, z]], radius * 0.6, sides=6
    )
    mesh.add(bars, albedo=style.frame)


def _add_star(mesh: Mesh, style: ChairStyle, layout: ChairLayout) -> None:
    """Add a column on five spokes with castors."""
    top = layout.base_top
    mesh.add(tubes([0, 0, 0.09], [0, 0, top], 0.026, sides=8), albedo=style.frame)
    mesh.add(tubes([0, 0, top - 0.1], [0, 0, top], 0.042, sides=8), albedo=style.frame)
    angle = 2 * np.pi * (np.arange(5) / 5 + 0.05)
    reach = layout.half_width * 1.12
    floor = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(5)]) * reach
    hub = np.broadcast_to(0.105 * UP, floor.shape)
    mesh.add(tubes(hub, floor + 0.06 * UP, 0.026, 0.015, sides=6), albedo=style.frame)
    mesh.add(tubes(floor + 0.055 * UP, floor, 0.027, sides=8), albedo=style.frame * 0.4)


def _add_disc(mesh: Mesh, style: ChairStyle, layout: ChairLayout) -> None:
    """Add a column on a round plate."""
    radius = layout.half_width * 0.85
    plate = superellipse(radius, radius, 2.0, corners=24)
    mesh.add(slab(plate, 0, 0.022, bevel=0.04), albedo=style.frame)
    mesh.add(tubes([0, 0, 0.02], [0, 0, 0.14], 0.055, 0.024, sides=10), albedo=style.frame)
    flare = 0.03 + 0.05 * style.taper
    column = tubes([0, 0, 0.13], [0, 0, layout.base_top], 0.024, flare, sides=10)
    mesh.add(column, albedo=style.frame)


def _add_sled(mesh: Mesh, style: ChairStyle, layout: ChairLayout) -> None:
    """Add two bent runners, closed at the back or free-swinging, and a bar between them."""
    radius = max(style.leg_radius * 0.65, 0.012)
    y, top = layout.leg_y, layout.base_top
    if style.taper > 0.7:
        path = [[y, top], [y, radius], [-y, radius], [-y, top]]
    else:
        path = [[y, top], [-y, top], [-y, radius], [y, radius]]
    for side in _SIDES:
        x = side * (layout.front_x - radius)
        runner = chain([[x, *point] for point in path], radius, sides=8)
        mesh.add(runner, albedo=style.frame)
    bar = tubes([-layout.front_x, y, radius], [layout.front_x, y, radius], radius, sides=8)
    mesh.add(bar, albedo=style.frame)


def _add_feet(mesh: Mesh, style: ChairStyle, layout: ChairLayout) -> None:
    """Add the four stubs under a club chair."""
    x, y = layout.half_width - 0.05, layout.half_depth - 0.05
    floor = np.array([[sx * x, sy * y, 0.0] for sx in _SIDES for sy in _SIDES])
    stubs = tubes(floor, floor + 0.08 * UP, 0.02, 0.028, sides=6)
    mesh.add(stubs, albedo=style.frame * 0.6)


def _add_crossed_legs(mesh: Mesh, style: ChairStyle, layout: ChairLayout) -> None:
    """Add an X of legs on either side and a bar through their crossings."""
    radius, y, top = style.leg_radius, layout.leg_y, layout.base_top
    x = layout.front_x - radius
    starts = [[side * x, end * -y, 0] for side in _SIDES for end in (1, -1)]
    ends = [[side * x, end * y, top] for side in _SIDES for end in (1, -1)]
    mesh.add(tubes(starts, ends, radius * 0.9, sides=6), albedo=style.frame)
    bar = tubes([-layout.front_x, 0, top / 2], [layout.front_x, 0, top / 2], radius * 0.6, sides=6)
    mesh.add(bar, albedo=style.frame)


_BASES: dict[Base, Callable[[Mesh, ChairStyle, ChairLayout], None]] = {
    "straight": _add_four_legs,
    "splayed": _add_four_legs,
    "star": _add_star,
    "disc": _add_disc,
    "sled": _add_sled,
    "club": _add_feet,
    "cross-legged": _add_crossed_legs,
}
