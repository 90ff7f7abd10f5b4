"""Whether the files of an attack fit each other: a stranger may have made them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from pyro_seatbelt.evaluation.attack_summary import has_targets

_NEEDED = ("pair", "weight", "value", "distance", "norm")
_CURVES = ("l2_target", "l2_input_to_target", "l2_clean_to_target", "l2_best_to_target")
_NUMERIC = (*_NEEDED, *_CURVES, "target_nll", "l2_clean")


def misfit(
    table: pd.DataFrame, images: Mapping[str, NDArray[Any]], pairs: Mapping[str, NDArray[Any]]
) -> str:
    """Says what does not fit in what an attack left.

    Args:
        table: A row per problem.
        images: Of every problem, by name.
        pairs: Of every pair, by name.

    Returns:
        What is wrong; empty if nothing is.

    Example:
        >>> misfit(pd.DataFrame(), {}, {})
        'its table is empty'
    """
    if not len(table):
        return "its table is empty"
    needed = (*_NEEDED, *(_CURVES if _CURVES[-1] in table else ()))
    wrong = [name for name in needed if name not in table]
    wrong += [
        name
        for name in _NUMERIC
        if name in table and not is_numeric_dtype(table[name].dtype) and table[name].notna().any()
    ]
    if wrong:
        return f"its table has no numbers in {', '.join(wrong)}"
    batches = [images.get(name) for name in ("adversarial", "distortion")]
    batches += [images[name] for name in ("reconstruction",) if name in images]
    ends = [pairs.get("input")]
    ends += [pairs.get("target")] if has_targets(table) else []
    ends += [pairs[name] for name in ("input_reconstruction",) if name in pairs]
    shapes = {None if batch is None else batch.shape[1:] for batch in (*batches, *ends)}
    if len(shapes) != 1 or None in shapes:
        return "its images are absent or of several shapes"
    if any(each.dtype.kind != "f" for each in (*batches, *ends) if each is not None):
        return "its images are no numbers"
    numbers = table["pair"]
    if any(len(batch) != len(table) for batch in batches if batch is not None) or not (
        numbers.isin(range(min(len(end) for end in ends if end is not None))).all()
    ):
        return "its images are not those of its table"
    return ""
