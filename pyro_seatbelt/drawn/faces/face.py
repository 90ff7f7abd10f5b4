"""One face: its pictures from many sides in many lights."""

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.drawn.faces.shape import face_shape
from pyro_seatbelt.drawn.faces.style import face_style

NUM_IDENTITIES = 50
AZIMUTHS = np.linspace(-50, 50, 21)
ELEVATIONS = np.linspace(-20, 20, 11)
LAMPS = np.linspace(-70, 70, 11)
VIEWS = (len(AZIMUTHS), len(ELEVATIONS), len(LAMPS))
FACTORS = ("identity", "azimuth", "elevation", "light")
VERSION = "1"


def draw_face(
    identity: int,
    *,
    azimuths: NDArray[np.float64] = AZIMUTHS,
    elevations: NDArray[np.float64] = ELEVATIONS,
    lamps: NDArray[np.float64] = LAMPS,
) -> NDArray[np.uint8]:
    """Draw one face from many sides in many lights, on black.

    Args:
        identity: Number of the face.
        azimuths: Angles about the vertical axis, degrees, shape `(A,)`.
        elevations: Angles above the horizon, degrees, shape `(E,)`.
        lamps: Angles of the lamp to the right of the camera, degrees, shape `(L,)`.

    Returns:
        Grey values, shape `(A, E, L, 64, 64)`.

    Example:
        >>> draw_face(0, azimuths=np.zeros(1), elevations=np.zeros(1)).shape
        (1, 1, 11, 64, 64)
    """
    from pyro_seatbelt.drawn.faces.portrait import portray

    return portray(face_shape(face_style(identity)), azimuths, elevations, lamps)


def face_factors(num_identities: int) -> dict[str, NDArray[np.int64]]:
    """Return the known factors of the images, in the order in which they are stored.

    Args:
        num_identities: How many faces there are.

    Returns:
        Class numbers by factor (:data:`FACTORS`), each of shape `(num_identities * 2541,)`.

    Example:
        >>> factors = face_factors(2)
        >>> [int(classes[2541 + 11 * 11 + 11 + 5]) for classes in factors.values()]
        [1, 1, 1, 5]
    """
    classes = np.indices((num_identities, *VIEWS)).reshape(len(FACTORS), -1)
    return dict(zip(FACTORS, classes, strict=True))
