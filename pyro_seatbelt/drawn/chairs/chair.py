"""One chair: its parts put together, and its pictures from all sides."""

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.drawn.chairs.arms import add_arms
from pyro_seatbelt.drawn.chairs.back import add_back
from pyro_seatbelt.drawn.chairs.base import add_base
from pyro_seatbelt.drawn.chairs.layout import ChairLayout
from pyro_seatbelt.drawn.chairs.seat import add_seat
from pyro_seatbelt.drawn.chairs.style import ARMS, BACKS, BASES, SEATS, chair_style
from pyro_seatbelt.drawn.mesh import Mesh, Surface

NUM_IDENTITIES = 1393
ELEVATIONS = np.array([20.0, 30.0])
AZIMUTHS = np.arange(31, dtype=np.float64) * (360 / 31)
VIEWS = (len(ELEVATIONS), len(AZIMUTHS))
FACTORS = ("identity", "elevation", "azimuth", "base", "back", "arms", "seat")
VERSION = "1"


def chair_surface(identity: int) -> Surface:
    """Build the solid of one chair.

    Args:
        identity: Number of the chair.

    Returns:
        Its faces.

    Example:
        >>> chair_surface(0).corners.shape[1:]
        (4, 3)
    """
    style = chair_style(identity)
    layout = ChairLayout.of(style)
    mesh = Mesh()
    for add in (add_seat, add_base, add_back, add_arms):
        add(mesh, style, layout)
    return mesh.surface()


def draw_chair(
    identity: int,
    *,
    azimuths: NDArray[np.float64] = AZIMUTHS,
    elevations: NDArray[np.float64] = ELEVATIONS,
) -> NDArray[np.uint8]:
    """Draw one chair from all sides, dark on white.

    Args:
        identity: Number of the chair.
        azimuths: Angles about the vertical axis, degrees, shape `(A,)`.
        elevations: Angles above the horizon, degrees, shape `(E,)`.

    Returns:
        Grey values, shape `(E, A, 64, 64)`.

    Example:
        >>> draw_chair(0, azimuths=np.array([30.0])).shape
        (2, 1, 64, 64)
    """
    from pyro_seatbelt.drawn.camera import photograph

    return photograph(chair_surface(identity), azimuths, elevations).numpy()


def chair_factors(num_identities: int) -> dict[str, NDArray[np.int64]]:
    """Return the known factors of the images, in the order in which they are stored.

    Args:
        num_identities: How many chairs there are.

    Returns:
        Class numbers by factor (:data:`FACTORS`), each of shape `(num_identities * 62,)`.
        The numbers of `base`, `back`, `arms` and `seat` count through `BASES`, `BACKS`, `ARMS`
        and `SEATS`.

    Example:
        >>> factors = chair_factors(2)
        >>> [int(factors[name][62 + 31 + 5]) for name in ("identity", "elevation", "azimuth")]
        [1, 1, 5]
    """
    identity, elevation, azimuth = np.indices((num_identities, *VIEWS)).reshape(3, -1)
    styles = [chair_style(number) for number in range(num_identities)]
    kinds = {
        "base": [BASES.index(style.base) for style in styles],
        "back": [BACKS.index(style.back) for style in styles],
        "arms": [ARMS.index(style.arms) for style in styles],
        "seat": [SEATS.index(style.seat) for style in styles],
    }
    return {
        "identity": identity,
        "elevation": elevation,
        "azimuth": azimuth,
        **{name: np.array(classes)[identity] for name, classes in kinds.items()},
    }
