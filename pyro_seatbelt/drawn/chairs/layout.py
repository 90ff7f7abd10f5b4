"""The measures that the parts of one chair share, so that they meet."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyro_seatbelt.drawn.chairs.style import ChairStyle
from pyro_seatbelt.drawn.mesh import Points


@dataclass(frozen=True)
class ChairLayout:
    """Where the seat, the legs and the back of a chair are; the origin is on the floor, mid-seat.

    Attributes:
        half_width: Half the width of the seat.
        half_depth: Half the depth of the seat.
        front_x: Distance of the front legs from the middle.
        back_x: Distance of the back legs and posts from the middle.
        leg_y: Distance of the legs to the front and to the back.
        seat_top: Height of the seat's upper side.
        base_top: Height at which the base ends, inside the seat.
        leg_radius: Radius of the legs; square legs have the same thickness.
        leg_sides: Sides of the tube that makes a leg.
        slope: How far the back moves backwards per unit of height.
    """

    half_width: float
    half_depth: float
    front_x: float
    back_x: float
    leg_y: float
    seat_top: float
    base_top: float
    leg_radius: float
    leg_sides: int
    slope: float

    @classmethod
    def of(cls, style: ChairStyle) -> Self:
        """Work out the measures of a style.

        Example:
            >>> from pyro_seatbelt.drawn.chairs.style import chair_style
            >>> layout = ChairLayout.of(chair_style(3))
            >>> layout.base_top < layout.seat_top
            True
        """
        half_width, half_depth = style.width / 2, style.depth / 2
        inset = 0.72 if style.seat == "round" else 0.93
        if style.arms == "solid" and style.base != "club":
            back_x = half_width
        elif style.seat == "round":
            back_x = half_width * 0.75
        else:
            back_x = half_width * 0.93 * (0.78 if style.seat == "trapezoid" else 1.0)
        return cls(
            half_width=half_width,
            half_depth=half_depth,
            front_x=half_width * inset,
            back_x=back_x,
            leg_y=half_depth * inset,
            seat_top=style.seat_height,
            base_top=style.seat_height - style.seat_thickness * 0.5,
            leg_radius=style.leg_radius * (1.0 if style.round_legs else 1.3),
            leg_sides=8 if style.round_legs else 4,
            slope=float(np.tan(np.radians(style.recline))),
        )


@dataclass(frozen=True)
class BackSheet:
    """The leaning, bowed surface on which the parts of a back are laid out.

    Args:
        style: The chair.
        layout: Its measures.
    """

    style: ChairStyle
    layout: ChairLayout

    @property
    def thickness(self) -> float:
        """Thickness of a solid back."""
        return 0.02 + 0.25 * self.style.seat_thickness

    def point(self, across: ArrayLike, above: ArrayLike, behind: float = 0.0) -> Points:
        """Return points of the sheet.

        Args:
            across: Distance from the middle, broadcastable with `above`.
            above: Height above the seat.
            behind: Distance behind the sheet.

        Returns:
            Coordinates, shape `(..., 3)`.
        """
        layout = self.layout
        u, z = np.broadcast_arrays(np.asarray(across, float), np.asarray(above, float))
        bow = self.style.back_curve * (1 - (u / layout.back_x) ** 2)
        bow = bow * np.minimum(1, 0.3 + z / self.style.back_height)
        y = layout.leg_y - self.thickness + layout.slope * z + behind + bow
        return np.stack([u, y, layout.seat_top + z], -1)

    def arch(
        self, across: NDArray[np.float64], flat: float, half_width: float
    ) -> NDArray[np.float64]:
        """Return the height of a rounded top edge as a share of its highest point.

        Args:
            across: Distances from the middle.
            flat: Share of the height at the sides.
            half_width: Distance at which the sides are.

        Returns:
            Shares between `flat` and 1, of the same shape.
        """
        inside = np.maximum(0, 1 - np.abs(across / half_width) ** self.style.back_roundness)
        return flat + (1 - flat) * np.sqrt(inside)
