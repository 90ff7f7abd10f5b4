"""The seat of a synthetic chair."""

import numpy as np

from pyro_seatbelt.drawn.chairs.layout import ChairLayout
from pyro_seatbelt.drawn.chairs.style import ChairStyle
from pyro_seatbelt.drawn.mesh import Mesh, Points, box, slab, superellipse


def add_seat(mesh: Mesh, style: ChairStyle, layout: ChairLayout) -> None:
    """Add a board, a cushion on a frame, or the block of a club chair."""
    width, depth = layout.half_width, layout.half_depth
    top, thickness = layout.seat_top, style.seat_thickness
    if style.base == "club":
        block = box((-width, -depth, 0.07), (width, depth, top - thickness * 0.25))
        mesh.add(block, albedo=style.frame * 0.3 + style.fabric * 0.7)
        cushion = superellipse(width * 0.985, depth, 9.0)
        cushion_top = top + 0.02
        mesh.add(slab(cushion, top - thickness * 0.6, cushion_top, bevel=0.04), albedo=style.fabric)
        return
    outline = _outline(style, layout)
    angular = len(outline) == 4
    if style.upholstered:
        middle = top - thickness * 0.2
        mesh.add(slab(outline, top - thickness * 0.55, middle), albedo=style.frame)
        cushion = superellipse(width * 0.97, depth * 0.97, 7.0) if angular else outline * 0.97
        mesh.add(slab(cushion, middle, top + thickness * 0.6, bevel=0.06), albedo=style.fabric)
    else:
        board = slab(outline, top - thickness * 0.6, top, bevel=0.0 if angular else 0.03)
        mesh.add(board, albedo=style.plain)


def _outline(style: ChairStyle, layout: ChairLayout) -> Points:
    """Return the seat seen from above, shape `(N, 2)`."""
    width, depth = layout.half_width, layout.half_depth
    if style.seat == "rounded":
        return superellipse(width * 1.02, depth * 1.02, 4.5)
    if style.seat == "round":
        return superellipse(width * 1.05, depth * 1.05, 2.0)
    back = width * (0.78 if style.seat == "trapezoid" else 1.0)
    return np.array([[-width, -depth], [width, -depth], [back, depth], [-back, depth]])
