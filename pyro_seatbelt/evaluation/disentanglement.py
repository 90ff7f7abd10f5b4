r"""How well single latent dimensions stand for single factors, as classifiers see it.

References:
    | A Framework for the Quantitative Evaluation of Disentangled Representations (Eastwood and
      Williams, 2018), https://openreview.net/forum?id=By-7dz-AZ (DCI)
    | Variational Inference of Disentangled Latent Concepts from Unlabeled Observations (Kumar et
      al., 2018), https://arxiv.org/abs/1711.00848 (SAP)
    | Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations
      (Locatello et al., 2019), https://arxiv.org/abs/1811.12359 (their settings)
"""

import warnings
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import LinearSVC

from pyro_seatbelt.evaluation.mig import varying


class Disentanglement(NamedTuple):
    """Scores from 0 to 1, larger for a better disentangled code.

    Attributes:
        dci_disentanglement: Whether a dimension tells one factor only.
        dci_completeness: Whether a factor is told by one dimension only.
        dci_informativeness: Share of values that are told right, of images not fitted on, mean
            over factors.
        sap: Separated attribute predictability: mean over factors of the difference between the
            two dimensions that alone tell most.
    """

    dci_disentanglement: float
    dci_completeness: float
    dci_informativeness: float
    sap: float


def disentanglement_scores(
    codes: NDArray[np.floating],
    factors: Mapping[str, NDArray[np.int64]],
    *,
    seed: int = 0,
) -> Disentanglement:
    """Computes DCI and SAP of a code.

    Both fit on three quarters of the images, drawn at random, and judge on the rest; four
    thousand images are plenty. DCI has a random forest for each factor, of 20 trees of depth 10
    at most that look at every dimension at every branch, and its importances by impurity. SAP has
    a linear support vector machine with C = 0.01 and balanced classes for each dimension and
    factor, and accuracies; unlike in published code, a dimension is first brought to mean 0 and
    variance 1, for layers have learned scales, and the machine's penalty does not forgive small
    ones. All of it runs on one thread.

    Args:
        codes: Usually posterior means, shape `(N, D)`.
        factors: Known factors by name, class numbers of shape `(N,)`; those with one value are
            left out.
        seed: Draws the images to fit on, and grows the forests.

    Returns:
        The scores.

    Raises:
        ValueError: With fewer than two images, without a factor that varies, or when one has
            another length.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> shape, size = rng.integers(0, 3, (2, 800))
        >>> codes = np.stack([shape, size], 1) + rng.normal(0, 0.1, (800, 2))
        >>> disentanglement_scores(codes, {"shape": shape, "size": size}).dci_disentanglement > 0.9
        True
    """
    known = varying(factors, len(codes))
    if len(codes) < 2 or not known:
        raise ValueError(
            f"expected two images or more and a factor that varies, got {len(codes)} and "
            f"{len(known)}"
        )
    order = np.random.default_rng(seed).permutation(len(codes))
    fitted = max(1, 3 * len(order) // 4)
    train, test = order[:fitted], order[fitted:]
    importances, accuracies, gaps = [], [], []
    with warnings.catch_warnings():
        # of few images nearly every one may have a value of its own
        warnings.filterwarnings(
            "ignore", "The number of unique classes is greater than", UserWarning
        )
        for values in known.values():
            forest = RandomForestClassifier(
                20, max_depth=10, max_features=None, n_jobs=1, random_state=seed
            )
            forest.fit(codes[train], values[train])
            importances.append(forest.feature_importances_)
            accuracies.append(forest.score(codes[test], values[test]))
            alone = [
                _accuracy(codes[:, [dimension]], values, train, test)
                for dimension in range(codes.shape[1])
            ]
            best, second, *_ = [*sorted(alone, reverse=True), 0.0]
            gaps.append(best - second)
    table = np.stack(importances, 1)  # (D, factors)
    return Disentanglement(
        dci_disentanglement=concentration(table),
        dci_completeness=concentration(table.T),
        dci_informativeness=float(np.mean(accuracies)),
        sap=float(np.mean(gaps)),
    )


def concentration(importances: NDArray[np.floating]) -> float:
    """Tells whether each row of a table of importances has one large entry.

    One less the entropy of each row, in units of its largest value, averaged over rows with
    their sums as weights.

    Args:
        importances: Numbers >= 0, shape `(rows, columns)`. One column alone is concentrated.

    Returns:
        From 0 (all equal) to 1; 0 for a table of zeros.

    Example:
        >>> concentration(np.eye(3)), concentration(np.ones((3, 2)))
        (1.0, 0.0)
    """
    sums = importances.sum(1)
    if not sums.any():
        return 0.0
    shares = importances[sums > 0] / sums[sums > 0, None]
    columns = importances.shape[1]
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropies = -(shares * logs).sum(1) / (np.log(columns) if columns > 1 else 1.0)
    spread_out = float((entropies * sums[sums > 0]).sum() / sums.sum())
    return min(max(1 - spread_out, 0.0), 1.0)


def _accuracy(
    code: NDArray[np.floating],
    values: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
) -> float:
    """Share of the images that one dimension alone tells right."""
    present = np.unique(values[train])
    if len(present) == 1:  # there is nothing to fit
        return float((values[test] == present[0]).mean())
    mean, deviation = code[train].mean(), code[train].std()
    scaled = (code - mean) / (deviation if deviation > 0 else 1.0)
    # the penalty of the primal problem: few numbers per image, many images
    machine = LinearSVC(C=0.01, class_weight="balanced", dual=False)
    return float(machine.fit(scaled[train], values[train]).score(scaled[test], values[test]))
