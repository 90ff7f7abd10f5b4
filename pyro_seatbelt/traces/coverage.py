r"""How much of the way to the target a reconstruction has gone."""

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

LEAST_ROOM = 0.01
"""How far apart the clean reconstructions of two images must be, as a share of how far apart the
images are, for a way between them to be one."""


def covered_share(to_aim: ArrayLike, room: ArrayLike, apart: ArrayLike) -> NDArray[np.float64]:
    r"""The share of the way that a reconstruction has gone.

    .. math::
        \max\left(0, \; 1 - \frac{\|r(x + d) - r(x_t)\|}{\|r(x) - r(x_t)\|}\right)

    where r reconstructs through posterior means: 0 at :math:`d = 0` and wherever the
    reconstruction is further from that of the target than the clean one is, 1 at
    :math:`d = x_t - x`. A decoder that makes the same of both images has no way to cover: that is
    undefined, and not resistance.

    Args:
        to_aim: :math:`\|r(x + d) - r(x_t)\|`.
        room: :math:`\|r(x) - r(x_t)\|`.
        apart: :math:`\|x - x_t\|`.

    Returns:
        The shares, of the common shape; NaN where the room is less than :data:`LEAST_ROOM` of the
        distance of the images.

    Example:
        >>> covered_share([4.0, 1.0, 5.0, 0.0], [4.0, 4.0, 4.0, 1e-9], 4.0).tolist()
        [0.0, 0.75, 0.0, nan]
    """
    far, way, images = (np.asarray(each, dtype=np.float64) for each in (to_aim, room, apart))
    defined = way > LEAST_ROOM * images
    share = 1 - far / np.where(defined, way, 1.0)
    covered: NDArray[np.float64] = np.where(defined & np.isfinite(share), share.clip(0), np.nan)
    return covered


def l2_norms(images: Tensor) -> NDArray[np.float64]:
    """The L2 norms of images or of their differences, in float64.

    Args:
        images: Shape `(n, *image)`.

    Returns:
        Shape `(n,)`.

    Example:
        >>> l2_norms(torch.ones(2, 1, 2, 2)).tolist()
        [2.0, 2.0]
    """
    norms: NDArray[np.float64] = (
        torch.linalg.vector_norm(images.flatten(1).double(), dim=1).cpu().numpy()
    )
    return norms
