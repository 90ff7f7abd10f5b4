"""Whether an attack is worth its name: what it must do before a model may be called robust.

References:
    | On Evaluating Adversarial Robustness (Carlini et al., 2019)
    | https://arxiv.org/abs/1902.06705
    | Obfuscated Gradients Give a False Sense of Security (Athalye et al., 2018)
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

WORSE = 0.02
"""How much more than the blend, relatively, an attack may need: points of a line are that far
apart."""

ITERATIONS = 0.02
"""How much twice the iterations may lower the median r50, relatively."""

UNLIMITED = 0.9
"""The share of the way that an attack without a budget must cover."""

_ROUNDING = 1e-3


class Check(NamedTuple):
    """One thing that a working attack does.

    Attributes:
        name: What it is called.
        passed: Whether the attack does it; None where that was not looked at or cannot be told.
        text: What was seen, in a sentence.
    """

    name: str
    passed: bool | None
    text: str


def check_blend(r50: NDArray[np.float64], blend50: NDArray[np.float64]) -> Check:
    """The attack needs no more distortion than mixing the input with its target does.

    Args:
        r50: Of every pair, shape `(B,)`; NaN where it is undefined.
        blend50: The same along the blend.

    Example:
        >>> check_blend(np.array([0.2, 1.0]), np.array([0.4, 0.5])).passed
        False
    """
    worse = r50 > (1 + WORSE) * blend50
    return _count("blend", worse, _defined(r50), "need more distortion than the blend")


def check_certificate(
    pair: NDArray[np.int64],
    distortion: NDArray[np.float64],
    covered: NDArray[np.float64],
    certified50: NDArray[np.float64],
) -> Check:
    """No point that an attack has visited covers more than the networks' bound allows.

    What is allowed grows with the distortion in proportion, so that every point is a test and not
    only those that cover half of the way.

    Args:
        pair: Which pair each line is of, shape `(n,)`.
        distortion: Relative distortions along each line, shape `(n, k)`.
        covered: The shares covered there, of that shape.
        certified50: The distortion of each pair below which half cannot be covered, shape `(B,)`;
            NaN where nothing can be said.

    Example:
        >>> distortion, covered = np.array([[0.0, 0.2]]), np.array([[0.0, 0.6]])
        >>> check_certificate(np.array([0]), distortion, covered, np.array([0.1])).passed
        True
        >>> check_certificate(np.array([0]), distortion, covered, np.array([0.2])).passed
        False
    """
    allowed = distortion / (2 * certified50[pair][:, None])
    broken = (covered > (1 + _ROUNDING) * allowed + _ROUNDING).any(1)
    pairs = np.isin(np.arange(len(certified50)), pair[broken])
    return _count("certificate", pairs, np.isfinite(certified50), "are moved beyond the bound")


def check_noise(r50: NDArray[np.float64], noise50: NDArray[np.float64]) -> Check:
    """Random noise covers half the way later than the attack, or never.

    Args:
        r50: Of every pair, shape `(B,)`; NaN where it is undefined.
        noise50: The same along random directions.

    Example:
        >>> check_noise(np.array([0.2, 0.3]), np.array([1.0, 1.0])).passed
        True
    """
    beaten = (noise50 < r50) | ((noise50 == r50) & (r50 < 1))
    return _count("noise", beaten, _defined(r50), "are moved by noise as soon as by the attack")


def check_gradient_free(r50: NDArray[np.float64], found50: NDArray[np.float64]) -> Check:
    """A search without gradients, with as much distortion, covers less than the attack.

    Args:
        r50: Of every pair, shape `(B,)`; NaN where it is undefined.
        found50: Where the line to what such a search found covers half of the way.

    Example:
        >>> check_gradient_free(np.array([0.2, 0.3]), np.array([0.19, 1.0])).passed
        False
    """
    beaten = found50 < (1 - WORSE) * r50
    return _count(
        "gradient-free search", beaten, _defined(r50), "are moved sooner without gradients"
    )


def check_transfer(r50: NDArray[np.float64], there50: NDArray[np.float64]) -> Check:
    """What moves another run moves this one no sooner than attacks on itself do.

    Where it does, the gradients of this one are worth less than those of the other: they are
    masked (Athalye et al., 2018).

    Args:
        r50: Of every pair, shape `(B,)`; NaN where it is undefined.
        there50: Where the distortions that were found on the other run cover half of the way.

    Example:
        >>> check_transfer(np.array([0.2, 0.3]), np.array([0.5, 0.7])).text
        '0 of 2 pairs are moved sooner by what moves the other run (median r50 here 0.60)'
    """
    beaten = there50 < (1 - WORSE) * r50
    known = _defined(r50)
    middle = np.median(there50[known]) if known.any() else np.nan
    words = f"are moved sooner by what moves the other run (median r50 here {middle:.2f})"
    return _count("transfer", beaten, known, words)


def check_iterations(r50: float, twice: float) -> Check:
    """Twice the iterations find little that is smaller.

    Args:
        r50: The median over pairs.
        twice: The same with what twice the iterations find besides.

    Example:
        >>> check_iterations(0.2, 0.19).text
        'twice the iterations lower the median r50 by 5.0 %, from 0.200 to 0.190'
    """
    if not (np.isfinite(r50) and np.isfinite(twice)):
        return Check("iterations", None, "r50 is undefined")
    lowered = (r50 - twice) / r50
    text = (
        f"twice the iterations lower the median r50 by {100 * lowered:.1f} %, from {r50:.3f} to "
        f"{twice:.3f}"
    )
    return Check("iterations", bool(lowered < ITERATIONS), text)


def check_unlimited(covered: NDArray[np.float64]) -> Check:
    """With the least penalty of all the attack arrives.

    Args:
        covered: The share of the way that each pair covers then, the best over attacks, shape
            `(B,)`; NaN where it is undefined.

    Example:
        >>> check_unlimited(np.array([0.99, 0.4])).text
        '1 of 2 pairs stop short of 90 % without a budget'
    """
    short = covered < UNLIMITED
    words = f"stop short of {100 * UNLIMITED:.0f} % without a budget"
    return _count("unlimited budget", short, _defined(covered), words)


def check_planted(table: pd.DataFrame) -> Check:
    r"""No problem ends above the objective at the planted solution, :math:`d = x_t - x`.

    A latent distance is 0 there, so that :math:`\lambda \|x_t - x\|` is what no final objective
    may exceed. Of an output attack that holds only of its own value there.

    Args:
        table: A row per problem of the attacks; `value_at_target` where they kept it.

    Example:
        >>> check_planted(pd.DataFrame({
        ...     "mode": ["latent-kl"], "weight": [1.0], "value": [3.0], "l2_input_to_target": [2.0],
        ... })).passed
        False
    """
    bound = (table["weight"] * table["l2_input_to_target"]).where(table["mode"] != "output")
    if "value_at_target" in table:
        bound = table["value_at_target"].astype(float).fillna(bound)
    value, known = table["value"].to_numpy(), bound.notna().to_numpy()
    limit = bound.to_numpy()
    above = value > limit + _ROUNDING * np.abs(limit) + _ROUNDING
    above |= ~np.isfinite(value)
    return _count("planted solution", above, known, "end above the planted solution", "problem")


def unchecked(name: str) -> Check:
    """A check that was not made.

    Args:
        name: Its name.
    """
    return Check(name, None, "not checked: --health does")


def _defined(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = np.isfinite(values)
    return known


def _count(
    name: str, bad: NDArray[np.bool_], known: NDArray[np.bool_], words: str, thing: str = "pair"
) -> Check:
    total, num = int(known.sum()), int((bad & known).sum())
    if not total:
        return Check(name, None, "undefined for every " + thing)
    return Check(name, num == 0, f"{num} of {total} {thing}s {words}")
