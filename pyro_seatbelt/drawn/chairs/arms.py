"""What the arms rest on in a synthetic chair."""

import numpy as np

from pyro_seatbelt.drawn.chairs.layout import ChairLayout
from pyro_seatbelt.drawn.chairs.style import ChairStyle
from pyro_seatbelt.drawn.mesh import UP, Mesh, Points, chain, hexahedron, tubes


def add_arms(mesh: Mesh, style: ChairStyle, layout: ChairLayout) -> None:
    """Add the arms named by the style, the same on either side."""
    for side in (-1, 1):
        if style.arms == "post":
            _add_post_arm(mesh, style, layout, side)
        elif style.arms == "loop":
            _add_loop_arm(mesh, style, layout, side)
        elif style.base == "club":
            _add_club_arm(mesh, style, layout, side)
        elif style.arms == "solid":
            _add_solid_arm(mesh, style, layout, side)


def _add_post_arm(mesh: Mesh, style: ChairStyle, layout: ChairLayout, side: int) -> None:
    """Add a board on a post; over a single column it is carried by brackets under the seat."""
    half = max(style.leg_radius * 1.1, 0.018)
    top = layout.seat_top + style.arm_height
    front, back = -layout.leg_y, layout.leg_y + layout.slope * style.arm_height
    on_column = style.base in ("star", "disc")
    x = side * (layout.half_width + half * 1.2 if on_column else layout.front_x + half * 0.4)
    back_x = x if on_column else side * layout.back_x
    ring = np.array(
        [
            [x - half, front * 0.8, top],
            [x + half, front * 0.8, top],
            [back_x + half, back, top],
            [back_x - half, back, top],
        ]
    )
    mesh.add(hexahedron(ring, ring + 0.022 * UP), albedo=style.frame)
    low, y = layout.base_top, front * 0.6
    starts, ends = [[x, y, low]], [[x, y, top]]
    if on_column:
        low = layout.seat_top - style.seat_thickness * 0.4
        starts += [[x, y, low], [x, back * 0.7, low]]
        ends += [[0, y, low], [x, back * 0.7, top]]
    mesh.add(tubes(starts, ends, style.leg_radius * 0.8, sides=6), albedo=style.frame)


def _add_loop_arm(mesh: Mesh, style: ChairStyle, layout: ChairLayout, side: int) -> None:
    """Add a bent tube from the front of the seat to the back."""
    x = side * (layout.front_x + style.leg_radius * 0.6)
    top = layout.seat_top + style.arm_height
    bend = [
        [x, -layout.leg_y + 0.08 * (1 - np.cos(angle)), top - 0.08 + 0.08 * np.sin(angle)]
        for angle in np.linspace(0, np.pi / 2, 5)
    ]
    back = [side * layout.back_x, layout.leg_y + layout.slope * style.arm_height, top]
    path = [[x, -layout.leg_y, layout.base_top], *bend, back]
    mesh.add(chain(path, style.leg_radius * 0.75, sides=6), albedo=style.frame)


def _add_solid_arm(mesh: Mesh, style: ChairStyle, layout: ChairLayout, side: int) -> None:
    """Add a closed board between seat and arm height."""
    bottom = layout.seat_top - style.seat_thickness
    back = layout.leg_y + layout.slope * style.arm_height
    board = _side_board(style, layout, side, thickness=0.03, bottom=bottom, top_back=back)
    mesh.add(board, albedo=style.frame)


def _add_club_arm(mesh: Mesh, style: ChairStyle, layout: ChairLayout, side: int) -> None:
    """Add a thick upholstered side with a round top."""
    thickness = 0.05 + 0.04 * style.taper
    back = layout.half_depth + 0.05
    board = _side_board(style, layout, side, thickness=thickness, bottom=0.07, top_back=back)
    mesh.add(board, albedo=style.fabric)
    x = side * (layout.half_width + thickness / 2)
    z = layout.seat_top + style.arm_height - 0.02
    ends = [x, -layout.half_depth, z], [x, layout.half_depth + 0.04, z]
    mesh.add(tubes(*ends, thickness * 0.62, sides=10), albedo=style.fabric)


def _side_board(
    style: ChairStyle,
    layout: ChairLayout,
    side: int,
    *,
    thickness: float,
    bottom: float,
    top_back: float,
) -> Points:
    """Return a board beside the seat whose upper edge reaches back to `top_back`."""
    inner, outer = side * layout.half_width, side * (layout.half_width + thickness)
    top = layout.seat_top + style.arm_height - 0.02
    front = -layout.half_depth
    rings = [
        [[inner, front, z], [outer, front, z], [outer, back, z], [inner, back, z]]
        for z, back in ((bottom, layout.half_depth), (top, top_back))
    ]
    return hexahedron(*rings)
