"""The problems of an attack that the paper shows: as images, and in numbers."""

import math
from typing import NamedTuple

import pandas as pd

from pyro_seatbelt.evaluation.attack_summary import shown_rows
from pyro_seatbelt.evaluation.auddc import auddc
from pyro_seatbelt.paper.measurements import Measurement, share
from pyro_seatbelt.plots import Attacked
from pyro_seatbelt.runs.records import Findings


def first_shown(found: Findings) -> Attacked | None:
    """The first pair of an attack, at the penalty that the paper shows; None if all failed."""
    rows = shown_rows(found.table)
    if not rows:
        return None
    pair, row = next(iter(rows.items()))
    at = found.table.iloc[row]
    return Attacked(
        found.pairs["input"][pair],
        found.pairs["input_reconstruction"][pair],
        found.images["adversarial"][row],
        found.images["distortion"][row],
        found.images["reconstruction"][row],
        found.pairs["target"][pair],
        note=f"λ {at['weight']:.2g}, ||d|| {at['norm']:.2g}, Δ {at['value']:.3g}",
    )


class ShownProblems(NamedTuple):
    """What the problems that are shown say of a model.

    Attributes:
        rows: The problems, a row for each pair, with `to_target`: the L2 distance from the target
            to the adversarial reconstruction, over that to the clean one (1: nothing gained).
        resembling: Share of the pairs whose adversarial reconstruction is closer to the clean one
            than to the target.
        area: Mean area under the distortion-distance curves.
    """

    rows: pd.DataFrame
    resembling: Measurement
    area: float

    @property
    def to_target(self) -> float:
        """The mean distance."""
        return float(self.rows["to_target"].mean())

    def numbers(self) -> dict[str, float]:
        """All of it by name, for a table."""
        means = {"to_target": self.to_target, "resembling": self.resembling.value}
        return {**means, "area": self.area, "pairs": len(self.rows)}


def shown_problems(found: Findings | None) -> ShownProblems:
    """Measures what the problems that are shown look like."""
    rows = None if found is None else found.table.iloc[list(shown_rows(found.table).values())]
    if found is None or rows is None or rows.empty:
        nothing = pd.DataFrame({"pair": [], "to_target": []}, dtype=float)
        return ShownProblems(nothing, share(0, 0), math.nan)
    area = auddc(found.table)
    return ShownProblems(
        rows.assign(to_target=rows["l2_target"] / rows["l2_clean_to_target"]),
        share(int((rows["l2_clean"] < rows["l2_target"]).sum()), len(rows)),
        math.nan if area is None else area.mean,
    )
