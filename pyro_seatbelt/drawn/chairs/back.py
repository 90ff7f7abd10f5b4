"""What one leans on in a synthetic chair."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.drawn.chairs.layout import BackSheet, ChairLayout
from pyro_seatbelt.drawn.chairs.style import Back, ChairStyle
from pyro_seatbelt.drawn.mesh import Mesh, Points, chain, hexahedron, tubes

Shares = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def add_back(mesh: Mesh, style: ChairStyle, layout: ChairLayout) -> None:
    """Add the back named by the style; a club chair has a thick one of its own."""
    sheet = BackSheet(style, layout)
    if style.base == "club":
        _add_club_back(mesh, sheet)
    else:
        _BACKS[style.back](mesh, sheet)


def _patch(
    sheet: BackSheet,
    half_width: float,
    bottom: float,
    top: float,
    thickness: float,
    *,
    segments: int = 6,
    shares: Shares | None = None,
) -> Points:
    """Return an upright strip of boards, with a top edge that may be shaped.

    Args:
        sheet: Where it lies.
        half_width: Its reach to either side.
        bottom: Height of its lower edge above the seat.
        top: Height of its highest point.
        thickness: Its thickness, backwards.
        segments: How many boards follow the bow.
        shares: Height of the top edge at a distance from the middle, as a share.

    Returns:
        Faces, shape `(segments, 6, 4, 3)`.
    """
    across = np.linspace(-half_width, half_width, segments + 1)
    edge = np.full_like(across, top)
    if shares is not None:
        edge = bottom + (top - bottom) * shares(across)
    rings = []
    for heights in (np.full_like(across, bottom), edge):
        front = sheet.point(across, heights)
        rear = sheet.point(across, heights, thickness)
        rings.append(np.stack([front[:-1], front[1:], rear[1:], rear[:-1]], 1))
    return hexahedron(*rings)


def _add_posts(mesh: Mesh, sheet: BackSheet, top: float) -> None:
    """Carry the back legs on upwards, up to a height above the seat."""
    style, layout = sheet.style, sheet.layout
    across = np.array([-1, 1]) * (layout.back_x - style.leg_radius)
    posts = tubes(
        sheet.point(across, -style.seat_thickness * 0.5),
        sheet.point(across, top),
        layout.leg_radius * 0.9,
        layout.leg_radius * 0.8,
        sides=layout.leg_sides,
    )
    mesh.add(posts, albedo=style.frame)


def _add_rails(mesh: Mesh, sheet: BackSheet, bands: tuple[tuple[float, float], ...]) -> None:
    """Add boards across, each from one share of the height to another."""
    height = sheet.style.back_height
    for bottom, top in bands:
        rail = _patch(sheet, sheet.layout.back_x, height * bottom, height * top, sheet.thickness)
        mesh.add(rail, albedo=sheet.style.frame)


def _dome(sheet: BackSheet) -> Shares:
    return lambda across: sheet.arch(across, 0.55, sheet.layout.back_x)


def _add_club_back(mesh: Mesh, sheet: BackSheet) -> None:
    style, width = sheet.style, sheet.layout.half_width
    shares: Shares | None = None
    if style.back == "barrel":
        shares = lambda across: 0.8 + 0.2 * np.maximum(0, 1 - (across / width) ** 2)  # noqa: E731
    elif style.back_roundness < 5:
        shares = lambda across: sheet.arch(across, 0.6, width)  # noqa: E731
    thickness = 0.10 + 0.06 * style.taper
    back = _patch(sheet, width, -0.05, style.back_height, thickness, segments=8, shares=shares)
    mesh.add(back, albedo=style.fabric)


def _add_panel(mesh: Mesh, sheet: BackSheet) -> None:
    style, height = sheet.style, sheet.style.back_height
    bottom = 0.0 if style.cushion else height * 0.15
    panel = _patch(
        sheet,
        sheet.layout.back_x,
        bottom,
        height,
        sheet.thickness,
        segments=8,
        shares=_dome(sheet),
    )
    mesh.add(panel, albedo=style.plain)
    if not style.cushion:
        _add_posts(mesh, sheet, height * 0.6)


def _add_slats(mesh: Mesh, sheet: BackSheet) -> None:
    style, height = sheet.style, sheet.style.back_height
    _add_posts(mesh, sheet, height)
    _add_rails(mesh, sheet, ((0.88, 1.0), (0.10, 0.17)))
    middles = _between_posts(sheet)
    rings = [
        np.stack(
            [
                sheet.point(middles + across, share * height, behind)
                for across, behind in ((-0.016, 0), (0.016, 0), (0.016, 0.014), (-0.016, 0.014))
            ],
            1,
        )
        for share in (0.15, 0.9)
    ]
    mesh.add(hexahedron(*rings), albedo=style.frame)


def _add_ladder(mesh: Mesh, sheet: BackSheet) -> None:
    style, height = sheet.style, sheet.style.back_height
    _add_posts(mesh, sheet, height)
    num_rungs = max(2, style.num_slats - 2)
    half = 0.3 / num_rungs / 1.6
    reach = sheet.layout.back_x - style.leg_radius
    for share in np.linspace(0.2, 0.9, num_rungs):
        bottom, top = (share - half) * height, (share + half) * height
        rung = _patch(sheet, reach, bottom, top, sheet.thickness * 0.7)
        mesh.add(rung, albedo=style.frame)


def _add_cross(mesh: Mesh, sheet: BackSheet) -> None:
    style, height = sheet.style, sheet.style.back_height
    _add_posts(mesh, sheet, height)
    _add_rails(mesh, sheet, ((0.9, 1.0), (0.12, 0.2)))
    across = np.array([-1, 1]) * (sheet.layout.back_x - style.leg_radius)
    starts, ends = (
        sheet.point(-across, height * 0.2, 0.008),
        sheet.point(across, height * 0.9, 0.008),
    )
    mesh.add(tubes(starts, ends, style.leg_radius * 0.75, sides=6), albedo=style.frame)


def _add_barrel(mesh: Mesh, sheet: BackSheet) -> None:
    """Add a shell around the seat that falls towards the front."""
    style, layout, height = sheet.style, sheet.layout, sheet.style.back_height
    angle = np.linspace(-0.12 * np.pi, 1.12 * np.pi, 13)
    edge = height * (0.45 + 0.55 * np.maximum(0, np.sin(angle)) ** 1.3)

    def shell(above: NDArray[np.float64], outwards: float) -> Points:
        x = (layout.half_width * 1.04 + outwards) * np.cos(angle) * (1 + 0.12 * above / height)
        lean = 1 + 0.7 * layout.slope * above / layout.half_depth
        y = (layout.half_depth * 1.04 + outwards) * np.sin(angle) * lean
        return np.stack([x, y, layout.base_top + above], -1)

    rings = []
    for above in (np.zeros_like(angle), edge):
        inner, outer = shell(above, 0.0), shell(above, 0.03)
        rings.append(np.stack([inner[:-1], inner[1:], outer[1:], outer[:-1]], 1))
    mesh.add(hexahedron(*rings), albedo=style.fabric)


def _add_upholstered(mesh: Mesh, sheet: BackSheet) -> None:
    style, height = sheet.style, sheet.style.back_height
    straight = style.back_roundness > 4
    _add_posts(mesh, sheet, height * (0.98 if straight else 0.6))
    pad = _patch(
        sheet,
        sheet.layout.back_x - style.leg_radius * 1.2,
        height * 0.14,
        height * 0.95,
        sheet.thickness * 1.1,
        segments=8,
        shares=None if straight else _dome(sheet),
    )
    mesh.add(pad, albedo=style.fabric)
    if straight:
        _add_rails(mesh, sheet, ((0.95, 1.0),))


def _add_spindles(mesh: Mesh, sheet: BackSheet) -> None:
    """Add a bow of bent wood filled with thin rods."""
    style, height, back_x = sheet.style, sheet.style.back_height, sheet.layout.back_x
    angle = np.linspace(0, np.pi, 11)
    above = height * (0.35 + 0.65 * np.maximum(0, np.sin(angle)) ** 0.8)
    above[[0, -1]] = 0
    bow = sheet.point(-np.cos(angle) * (back_x - style.leg_radius), above)
    mesh.add(chain(bow, style.leg_radius * 0.75, sides=6), albedo=style.frame)
    feet = _between_posts(sheet)
    tops = height * (0.35 + 0.65 * (1 - (feet / back_x) ** 2) ** 0.4)
    radius = max(style.leg_radius * 0.35, 0.007)
    rods = tubes(sheet.point(feet * 0.85, 0), sheet.point(feet, tops), radius, sides=4)
    mesh.add(rods, albedo=style.frame)


def _between_posts(sheet: BackSheet) -> NDArray[np.float64]:
    """Return even distances across for the slats or rods of a back."""
    back_x = sheet.layout.back_x
    return np.linspace(-back_x, back_x, sheet.style.num_slats + 2)[1:-1]


_BACKS: dict[Back, Callable[[Mesh, BackSheet], None]] = {
    "panel": _add_panel,
    "slats": _add_slats,
    "ladder": _add_ladder,
    "cross": _add_cross,
    "barrel": _add_barrel,
    "upholstered": _add_upholstered,
    "spindle": _add_spindles,
}
