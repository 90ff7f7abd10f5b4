"""What one synthetic chair looks like: its kind of base, back, arms and seat, and its measures."""

from dataclasses import dataclass
from typing import Literal, get_args

from pyro_seatbelt.drawn.draws import Draws

Base = Literal["straight", "splayed", "star", "disc", "sled", "club", "cross-legged"]
Back = Literal["panel", "slats", "ladder", "cross", "barrel", "upholstered", "spindle"]
Arms = Literal["none", "post", "loop", "solid"]
Seat = Literal["square", "rounded", "round", "trapezoid"]
Stretchers = Literal["none", "sides", "front and back"]

BASES: tuple[Base, ...] = get_args(Base)
BACKS: tuple[Back, ...] = get_args(Back)
ARMS: tuple[Arms, ...] = get_args(Arms)
SEATS: tuple[Seat, ...] = get_args(Seat)
STRETCHERS: tuple[Stretchers, ...] = get_args(Stretchers)

_KEY = 20140623
_DRAWS_PER_CHAIR = 64


@dataclass(frozen=True)
class ChairStyle:
    """Everything that sets one chair apart; lengths in metres or so.

    Attributes:
        base: What it stands on.
        back: What one leans on.
        arms: What the arms rest on.
        seat: Outline of the seat.
        width: Width of the seat.
        depth: Depth of the seat.
        seat_height: Height of the seat above the floor.
        back_height: Height of the back above the seat.
        recline: How far the back leans, in degrees.
        leg_radius: Half the thickness of the legs.
        seat_thickness: Thickness of the seat.
        splay: How far splayed legs reach outwards.
        taper: Thickness of a leg's foot as a share of its top.
        round_legs: Whether legs are round rather than square.
        num_slats: How many slats or spindles the back has.
        back_roundness: Exponent of the top edge of the back: low is round, high is straight.
        cushion: Whether the seat has a cushion.
        stretchers: Bars between the legs.
        frame: Albedo of the frame.
        fabric: Albedo of cushions and upholstery.
        arm_height: Height of the arms above the seat.
        back_curve: How far the back bows backwards in the middle.
    """

    base: Base
    back: Back
    arms: Arms
    seat: Seat
    width: float
    depth: float
    seat_height: float
    back_height: float
    recline: float
    leg_radius: float
    seat_thickness: float
    splay: float
    taper: float
    round_legs: bool
    num_slats: int
    back_roundness: float
    cushion: bool
    stretchers: Stretchers
    frame: float
    fabric: float
    arm_height: float
    back_curve: float

    @property
    def upholstered(self) -> bool:
        """Whether the seat is covered in fabric."""
        return self.cushion or self.back == "upholstered" or self.base == "club"

    @property
    def plain(self) -> float:
        """Albedo of parts that may be painted like the fabric."""
        return self.fabric if self.fabric > 0.5 else self.frame


def chair_style(identity: int) -> ChairStyle:
    """Return the style of one chair, the same one on every machine.

    Kinds are drawn by frequency and then made to fit each other: a club chair
    has solid arms, a barrel back has none of its own, and so on.

    Args:
        identity: Number of the chair.

    Returns:
        Its style.

    Example:
        >>> style = chair_style(0)
        >>> style.base in BASES, chair_style(0) == style
        (True, True)
    """
    draw = Draws(identity, key=_KEY, most=_DRAWS_PER_CHAIR)
    base = draw.choice(BASES, (0.30, 0.20, 0.12, 0.08, 0.10, 0.12, 0.08))
    back = draw.choice(BACKS, (0.25, 0.13, 0.13, 0.08, 0.11, 0.18, 0.12))
    arms = draw.choice(ARMS, (0.48, 0.24, 0.16, 0.12))
    seat = draw.choice(SEATS, (0.34, 0.36, 0.12, 0.18))
    club_back: Back = draw.choice(("panel", "barrel", "upholstered"))
    club = base == "club"
    if club:
        back, arms, seat = club_back, "solid", "square"
    elif arms == "solid" and base not in ("straight", "sled"):
        arms = "post"
    elif arms == "solid":
        seat = "square"
        back = back if back in ("panel", "upholstered") else "panel"
    if back == "barrel" and not club:
        arms = "none"
    thinnest = 0.045 if base == "star" else 0.025
    return ChairStyle(
        base=base,
        back=back,
        arms=arms,
        seat=seat,
        width=draw.between(0.52, 0.66) if club else draw.between(0.40, 0.56),
        depth=draw.between(0.50, 0.62) if club else draw.between(0.40, 0.54),
        seat_height=draw.between(0.30, 0.40) if club else draw.between(0.36, 0.50),
        back_height=draw.between(0.30, 0.52) if club else draw.between(0.32, 0.72),
        recline=draw.between(4, 16) if club else draw.between(2, 22),
        seat_thickness=max(
            draw.between(0.12, 0.18) if club else draw.between(0.025, 0.09), thinnest
        ),
        leg_radius=draw.between(0.014, 0.034),
        splay=draw.between(0.02, 0.14),
        taper=draw.between(0.35, 1.0),
        round_legs=draw.choice((False, True)),
        num_slats=draw.whole(3, 7),
        back_roundness=draw.between(2.2, 8.0),
        cushion=draw.choice((False, True)),
        stretchers=draw.choice(STRETCHERS),
        frame=draw.between(0.05, 0.95),
        fabric=draw.between(0.10, 1.0),
        arm_height=draw.between(0.17, 0.26),
        back_curve=draw.between(0.0, 0.09),
    )
