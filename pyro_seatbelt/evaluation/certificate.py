r"""The distortion below which no attack can move a reconstruction so far.

References:
    | Certifiably Robust Variational Autoencoders (Barrett et al., 2022),
      https://arxiv.org/abs/2102.07559
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyro_seatbelt.traces.coverage import LEAST_ROOM


def certified_resistance(
    bound: float, room: ArrayLike, apart: ArrayLike, share: float
) -> NDArray[np.float64]:
    r"""A lower bound of the relative distortion that covers a share of the way.

    To cover the share s (see :func:`~pyro_seatbelt.traces.coverage.covered_share`) the
    reconstruction must move by at least :math:`s \|r(x) - r(x_t)\|`, by the triangle inequality;
    it moves by :math:`L \|d\|` at most. So

    .. math::
        \frac{\|d\|}{\|x_t - x\|} \ge \frac{s \, \|r(x) - r(x_t)\|}{L \, \|x_t - x\|}

    for every d. It holds for reconstructions through posterior means, not through draws.

    Args:
        bound: L, an upper bound of the Lipschitz constant of r.
        room: :math:`\|r(x) - r(x_t)\|`.
        apart: :math:`\|x - x_t\|`.
        share: The share s, 0.5 for r50.

    Returns:
        Relative distortions, at most s; NaN where no share is defined.

    Raises:
        ValueError: When the bound is not positive or the share not in (0, 1].

    Example:
        >>> certified_resistance(2.0, [4.0, 1e-9], [4.0, 4.0], 0.5).tolist()
        [0.25, nan]
    """
    if not bound > 0:
        raise ValueError(f"expected a Lipschitz bound > 0, got {bound}")
    if not 0 < share <= 1:
        raise ValueError(f"expected a share in (0, 1], got {share}")
    way, images = (np.asarray(each, dtype=np.float64) for each in (room, apart))
    defined = way > LEAST_ROOM * images
    least = share * way / (bound * np.where(defined, images, 1.0))
    certified: NDArray[np.float64] = np.where(defined, least, np.nan)
    return certified
