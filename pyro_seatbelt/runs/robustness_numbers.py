"""The numbers of a robustness measurement, as they lie in the folder of a run."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import pandas as pd
from pandas.api.types import is_numeric_dtype
from pydantic import BaseModel, ConfigDict

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation.medians import Median
from pyro_seatbelt.formats import without_nan
from pyro_seatbelt.runs.folder import RunFolder, RunRecord
from pyro_seatbelt.runs.measured import read_record
from pyro_seatbelt.runs.parquet import read_parquet
from pyro_seatbelt.runs.robustness_options import RobustnessOptions

MEDIANS = ("r50", "r90", "blend50", "blend90", "r50_over_blend50", "noise50", "auddc")
"""Columns of the table of pairs whose medians are reported."""

_CURVES = ("pair", "distortion", "covered", "blend")
_REMEDY = "measure again by --force"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class MedianInterval(_Record):
    """A median over pairs with a 95 % bootstrap interval; None for what is undefined.

    Attributes:
        median: The median.
        low: Lower end of the interval.
        high: Its upper end.
        num: Pairs that it is of.
    """

    median: float | None
    low: float | None
    high: float | None
    num: int

    @classmethod
    def of(cls, found: Median) -> Self:
        """Makes one of a median whose undefined parts are NaN."""
        return cls(**without_nan(found))


class Damage(_Record):
    r"""What distortions of one size can do that have no target.

    Attributes:
        norm: Their size, relative to the mean distance :math:`\|x_t - x\|` of the pairs.
        moved: How far they move the reconstruction, as a share of the way to the target's.
        robust_at_mean: Share of the pairs whose reconstruction, through posterior means, moves by
            half of the way or less.
        robust_at_draws: The probability of that over posterior draws, mean over pairs.
    """

    norm: float
    moved: MedianInterval
    robust_at_mean: float | None
    robust_at_draws: float | None


class HealthCheck(_Record):
    """One thing that a working attack does.

    Attributes:
        name: What it is called.
        passed: Whether it does; None where that was not looked at or cannot be told.
        text: What was seen.
    """

    name: str
    passed: bool | None
    text: str


class Robustness(_Record):
    r"""Everything that was measured: the content of `robustness.json`.

    Sizes of distortions are relative, :math:`\|d\| / \|x_t - x\|`; what is covered is
    :math:`1 - \|r(x + d) - r(x_t)\| / \|r(x) - r(x_t)\|`, at least 0. Medians are over the pairs
    for which that is defined.

    Attributes:
        step: Step of the checkpoint.
        fingerprint: SHA-256 of the data.
        protocol: The options that decided the numbers.
        versions: Of the packages that decide them.
        attacks: The attacks that were looked at: folders in `attacks/` by mode.
        num_pairs: Pairs that were attacked.
        num_undefined: Those whose two clean reconstructions are the same: nothing can be covered,
            and they count as neither robust nor open.
        r50: The least distortion that covers half of the way, the best over attacks, penalties
            and all points between d = 0 and what they found; 1 at most.
        r90: The same for 90 %.
        r50_by_attack: r50 of each attack alone, by mode.
        blend50: How much of the target has to be mixed into the input to cover half of the way.
        blend90: The same for 90 %.
        r50_over_blend50: Their ratio by pair: 1 if an attack does no better than a mixture.
        noise50: What random directions need, as r50.
        certified50: No distortion smaller than this covers half of the way, by the bound of the
            networks; None where they have none.
        certified90: The same for 90 %.
        auddc: Area under the distortion-distance curve, the least over attacks by pair.
        damage: Without a target, by size.
        robust_clean: The r-robustness probability without any distortion: draws differ too.
        mse: Mean squared error of clean reconstructions through posterior means, pixels in [0, 1].
        rate: KL of the posteriors from the priors, nats per image.
        elbo: Evidence lower bound, nats per image.
        num_images: Held-out images that the three are of.
        checks: The health of the attack.
    """

    step: int
    fingerprint: str
    protocol: Mapping[str, Any]
    versions: Mapping[str, str]
    attacks: Mapping[str, str]
    num_pairs: int
    num_undefined: int
    r50: MedianInterval
    r90: MedianInterval
    r50_by_attack: Mapping[str, MedianInterval] = {}
    blend50: MedianInterval
    blend90: MedianInterval
    r50_over_blend50: MedianInterval
    noise50: MedianInterval
    auddc: MedianInterval
    certified50: MedianInterval | None = None
    certified90: MedianInterval | None = None
    damage: list[Damage]
    robust_clean: float | None
    mse: float
    rate: float
    elbo: float
    num_images: int
    checks: list[HealthCheck]

    @property
    def failed(self) -> list[HealthCheck]:
        """The checks that the attack does not pass."""
        return [check for check in self.checks if check.passed is False]

    def answers(self, options: RobustnessOptions, record: RunRecord, step: int | None) -> bool:
        """Tells whether this is what some options ask for.

        Args:
            options: The options.
            record: What the run says of itself.
            step: Step of the run's newest checkpoint.
        """
        wanted = options.protocol
        if self.protocol.get("health"):
            wanted = wanted | {"health": True}  # there is more than was asked for
        return (self.step, self.fingerprint, self.protocol) == (step, record.fingerprint, wanted)


class RobustnessFolder:
    """Paths in the folder of a robustness measurement.

    Args:
        path: The folder, `robustness` in the folder of a run or beside several.

    Example:
        >>> RobustnessFolder(Path("runs/first/robustness")).numbers.name
        'robustness.json'
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def numbers(self) -> Path:
        """The numbers."""
        return self.path / "robustness.json"

    @property
    def pairs(self) -> Path:
        """A row for each pair."""
        return self.path / "pairs.parquet"

    @property
    def curves(self) -> Path:
        """How much each pair has covered at each size of a distortion."""
        return self.path / "curves.parquet"

    @property
    def covered(self) -> Path:
        """The figure of that."""
        return self.path / "covered.png"

    @property
    def quality(self) -> Path:
        """The figure of resistance against MSE and rate, of several runs."""
        return self.path / "quality.png"


def of_run(folder: Path) -> RobustnessFolder:
    """Where the robustness of a run is kept.

    Args:
        folder: The folder of the run.
    """
    return RobustnessFolder(RunFolder(folder).robustness)


def read_robustness(folder: Path) -> Robustness | None:
    """Reads the robustness of a run.

    Args:
        folder: The folder of the run.

    Returns:
        Its numbers, or None if it has not been measured.

    Raises:
        InputError: If the file is damaged.
    """
    path = of_run(folder).numbers
    return read_record(path, Robustness, remedy=f"remove {path.parent} and measure again")


def read_table(path: Path) -> pd.DataFrame:
    """Reads one of its tables, and sees that there are numbers where they should be.

    Args:
        path: The file.

    Raises:
        InputError: If it is absent or damaged, or has no numbers where they should be.
    """
    table = read_parquet(path, remedy=_REMEDY)
    needed = _CURVES if path.name == "curves.parquet" else ("pair", *MEDIANS)
    wrong = [name for name in needed if name not in table]
    wrong += [
        name
        for name in table
        if (name in needed or name.startswith(("damage_", "certified", "r50_by_")))
        and not is_numeric_dtype(table[name].dtype)
        and table[name].notna().any()
    ]
    if wrong or not len(table):
        what = f"no numbers in {', '.join(wrong)}" if wrong else "no rows"
        raise InputError(f"{path}: the file is damaged: it has {what}: {_REMEDY}")
    return table


def mean_of(values: Iterable[float]) -> float | None:
    """The mean of what is defined; None if nothing is.

    Example:
        >>> mean_of([1.0, math.nan, 3.0]), mean_of([math.nan])
        (2.0, None)
    """
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else None
