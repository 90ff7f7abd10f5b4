r"""What the problems of an attack say together.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Section 5.2
    | Adversarial Attacks on Variational Autoencoders (Gondim-Ribeiro et al., 2018)
    | https://arxiv.org/abs/1806.04646
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

QUANTITIES: dict[str, str] = {
    "value": "objective Delta",
    "distance": "distance in Delta",
    "target_nll": "-log p(target | z~)",
    "l2_target": "L2 to target",
    "l2_clean": "L2 to clean recon.",
    "norm": "L2 of distortion",
}
"""The columns of a table that are summarised, with what they are."""


class Estimate(NamedTuple):
    """A mean over problems, with 95 % confidence intervals.

    Attributes:
        mean: The mean; NaN without problems.
        low: Lower end of the interval over pairs and weights, as the paper has it: every problem
            counts as a draw of its own.
        high: Its upper end.
        pairs_low: Lower end of the interval over pairs alone: the problems of a pair resemble each
            other, so this one is what other pairs would confirm. NaN for a single pair.
        pairs_high: Its upper end.
        num: How many problems the mean is over.
    """

    mean: float
    low: float
    high: float
    pairs_low: float
    pairs_high: float
    num: int


class Curve(NamedTuple):
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


def summarise(table: pd.DataFrame) -> dict[str, Estimate]:
    """Averages what the problems of an attack reached.

    Problems that were retired count nowhere; larger means stand for a more robust model.

    Args:
        table: A row for each problem.

    Returns:
        The estimates by column (:data:`QUANTITIES`), without those that need a model where there
        was none.

    Example:
        >>> table = pd.DataFrame({"pair": [0, 0, 1, 1], "norm": [1.0, 2.0, 3.0, 4.0]})
        >>> summarise(table)["norm"].mean
        2.5
    """
    kept = table[table["stop"] != "nan"] if "stop" in table else table
    return {
        column: _estimate(kept[["pair", column]].dropna())
        for column in QUANTITIES
        if column in kept and kept[column].notna().any()
    }


def distortion_curve(
    norm: Sequence[float],
    l2_target: Sequence[float],
    *,
    l2_input_to_target: float,
    l2_clean_to_target: float,
    l2_best_to_target: float,
) -> Curve:
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
        return Curve(np.empty(0), np.empty(0), math.nan)
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
    return Curve(x, y, float(np.trapezoid(y, x)))


def curves(table: pd.DataFrame) -> dict[int, Curve]:
    """The distortion-distance curve of every pair (see :func:`distortion_curve`).

    Args:
        table: A row for each problem, as :func:`run_protocol` makes it.

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
        table: A row for each problem.

    Returns:
        The mean over the pairs whose area is defined; None when there was no model.
    """
    areas = curves(table)
    if not areas:
        return None
    defined = {pair: curve.area for pair, curve in areas.items() if not math.isnan(curve.area)}
    return _estimate(
        pd.DataFrame({"pair": list(defined), "area": list(defined.values())}, dtype=float)
    )


def shown(table: pd.DataFrame) -> dict[int, int]:
    """The problem of each pair that the paper's figures show.

    It is the one whose objective is just better, for the attacker, than the mean over the
    weights: the largest value that is not above it.

    Args:
        table: A row for each problem, numbered from 0.

    Returns:
        Row numbers by the pair's number; pairs all of whose problems were retired are left out.

    Example:
        >>> shown(pd.DataFrame({"pair": [0, 0, 0], "value": [1.0, 2.0, 9.0]}))
        {0: 1}
    """
    kept = table[np.isfinite(table["value"])]
    if "stop" in kept:
        kept = kept[kept["stop"] != "nan"]
    rows: dict[int, int] = {}
    for pair, values in kept.groupby("pair", sort=True)["value"]:
        better = values[values <= values.mean()]
        # the mean of equal numbers may be rounded to below them
        rows[int(pair)] = int((better if len(better) else values).idxmax())
    return rows


def student_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Student's 95 % confidence interval for the mean.

    Args:
        values: Independent draws, all finite, shape `(n,)`.

    Returns:
        Its ends; NaN of fewer than two values.

    Example:
        >>> [round(end, 3) for end in student_interval(np.array([1.0, 2.0, 3.0]))]
        [-0.484, 4.484]
    """
    if len(values) < 2:
        return math.nan, math.nan
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _estimate(values: pd.DataFrame) -> Estimate:
    column = values.columns[1]
    low, high = student_interval(values[column].to_numpy(dtype=np.float64))
    pairs_low, pairs_high = student_interval(values.groupby("pair")[column].mean().to_numpy())
    mean = float(values[column].mean()) if len(values) else math.nan
    return Estimate(mean, low, high, pairs_low, pairs_high, len(values))
