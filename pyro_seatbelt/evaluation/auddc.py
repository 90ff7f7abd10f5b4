r"""The area under the distortion-distance curve (AUDDC).

References:
    | Adversarial Attacks on Variational Autoencoders (Gondim-Ribeiro et al., 2018)
    | https://arxiv.org/abs/1806.04646
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pyro_seatbelt.evaluation.estimates import Estimate, estimate_mean


class DistortionCurve(NamedTuple):
    """The distortion-distance curve of one pair.

    Attributes:
        distortion: Sizes of the distortions, 1 for the distance from the input to the target.
        distance: Distances of the reconstructions from the target: 1 at that of the clean
            reconstruction, 0 at that of the target's own.
        area: The area under it from 0 to 1.
    """

    distortion: NDArray[np.float64]
    distance: NDArray[np.float64]
    area: float


def distortion_curve(
    norm: Sequence[float],
    l2_target: Sequence[float],
    *,
    l2_input_to_target: float,
    l2_clean_to_target: float,
    l2_best_to_target: float,
) -> DistortionCurve:
    r"""The distortion-distance curve of one pair and the area under it (AUDDC).

    As in the code that its authors published: with
    :math:`a = \|x_t - r(x_t)\|`, the point of problem k is

    .. math::
        \left( \frac{\|d_k\|}{\|x_t - x\|}, \;
        \frac{\|x_t - r(x + d_k)\| - a}{\|x_t - r(x)\| - a} \right),

    where r reconstructs. Distortions above 1 are left out (the attacker might as well send the
    target), the points are sorted by distortion, and the lowest distance that was reached goes
    on from the largest distortion to 1. The area is that under straight lines between the
    points. Near 1 the attack never came closer to the target, near 0 it did so for free. Unlike
    the objective it compares models of different depth and width. Where no problem ended
    at :math:`d = 0`, the curve begins there all the same, at 1.

    Args:
        norm: Sizes of the distortions, shape `(n,)`; pairs with NaN are left out.
        l2_target: Distances of the adversarial reconstructions from the target, shape `(n,)`.
        l2_input_to_target: :math:`\|x_t - x\|`.
        l2_clean_to_target: :math:`\|x_t - r(x)\|`.
        l2_best_to_target: :math:`\|x_t - r(x_t)\|`.

    Returns:
        The curve; its area is NaN where the model reconstructs the target no better than the
        input does.

    Example:
        >>> curve = distortion_curve(
        ...     [0.0, 1.0], [3.0, 1.0],
        ...     l2_input_to_target=4.0, l2_clean_to_target=3.0, l2_best_to_target=1.0,
        ... )
        >>> curve.distortion.tolist(), curve.distance.tolist(), curve.area
        ([0.0, 0.25, 1.0], [1.0, 0.0, 0.0], 0.125)
    """
    room = l2_clean_to_target - l2_best_to_target
    if not (room > 0 and l2_input_to_target > 0):
        return DistortionCurve(np.empty(0), np.empty(0), math.nan)
    x = np.asarray(norm, dtype=np.float64) / l2_input_to_target
    y = (np.asarray(l2_target, dtype=np.float64) - l2_best_to_target) / room
    kept = np.isfinite(x) & np.isfinite(y) & (x <= 1)
    x, y = x[kept], y[kept]
    if not (x == 0).any():
        x, y = np.append(x, 0.0), np.append(y, 1.0)
    order = np.lexsort((-y, x))  # where several share a distortion, the curve goes down
    x, y = x[order], y[order]
    if x[-1] < 1:
        ends = [x[-1], 1.0] if y[-1] > y.min() else [1.0]
        x, y = np.append(x, ends), np.append(y, [y.min()] * len(ends))
    return DistortionCurve(x, y, float(np.trapezoid(y, x)))


def curves(table: pd.DataFrame) -> dict[int, DistortionCurve]:
    """The distortion-distance curve of every pair (see :func:`distortion_curve`).

    Args:
        table: A row per problem, as attacks keep it.

    Returns:
        Curves by the pair's number; none when there was no model.
    """
    if "l2_best_to_target" not in table:
        return {}
    return {
        int(pair): distortion_curve(
            rows["norm"].tolist(),
            rows["l2_target"].tolist(),
            l2_input_to_target=rows["l2_input_to_target"].iloc[0],
            l2_clean_to_target=rows["l2_clean_to_target"].iloc[0],
            l2_best_to_target=rows["l2_best_to_target"].iloc[0],
        )
        for pair, rows in table.groupby("pair", sort=True)
    }


def auddc(table: pd.DataFrame) -> Estimate | None:
    """The mean area under the distortion-distance curves of the pairs.

    Args:
        table: A row per problem.

    Returns:
        The mean over the pairs whose area is defined; None when there was no model.
    """
    areas = curves(table)
    if not areas:
        return None
    defined = {pair: curve.area for pair, curve in areas.items() if not math.isnan(curve.area)}
    pairs = pd.DataFrame({"pair": list(defined), "area": list(defined.values())}, dtype=float)
    return estimate_mean(pairs, "area", positive=True)
