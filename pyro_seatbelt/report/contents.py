"""What the folder of a run holds, read without its model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs.evaluation import Evaluation, read_evaluation
from pyro_seatbelt.runs.folder import RunFolder, RunRecord, Status
from pyro_seatbelt.runs.records import AttackRecords, Findings
from pyro_seatbelt.runs.robustness_numbers import Robustness, of_run, read_robustness, read_table
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.layout import checkpoints, step_of

_HUGE = 1e300


@dataclass(frozen=True, kw_only=True)
class AttackContents:
    """A finished attack on a run.

    Attributes:
        folder: Its folder.
        mode: Short name of its objective.
        layers: The sites that it looked at, joined by `+`.
        table: A row for each problem.
        arguments: How it was made, as far as that can be read.
        step: Step of the checkpoint, likewise.
        source: Where its images are from, likewise.
    """

    folder: Path
    mode: str
    layers: str
    table: pd.DataFrame
    arguments: Mapping[str, Any]
    step: int | None = None
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_pairs(self) -> int:
        """How many pairs were attacked."""
        return int(self.table["pair"].nunique())


@dataclass(frozen=True, kw_only=True)
class RunContents:
    """A run, without its model.

    Attributes:
        path: Its folder.
        config: What it was trained with.
        record: What it says of itself.
        status: How it stands.
        metrics: Its records of numbers.
        newest: Step of its newest checkpoint; of the end of a finished run whose checkpoints are
            gone; None if that is not known.
        evaluation: Its evaluation, if there is one of that checkpoint.
        outdated: Step of an evaluation of another one, which is left out.
        attacks: Its finished attacks.
        notes: What is there but cannot be read, one line each.
        robustness: How robust it is, if that was measured of that checkpoint.
    """

    path: Path
    config: TrainConfig
    record: RunRecord
    status: Status
    metrics: Sequence[Mapping[str, Any]]
    newest: int | None
    evaluation: Evaluation | None
    outdated: int | None
    attacks: Sequence[AttackContents]
    notes: Sequence[str]
    robustness: Robustness | None = None

    @property
    def name(self) -> str:
        """What people call it: the name of its folder."""
        return self.path.resolve().name

    @property
    def step(self) -> int:
        """The last step with a number."""
        return max((record["step"] for record in self.metrics), default=0)

    @property
    def heldout(self) -> Mapping[str, Any] | None:
        """The last numbers of held-out images that training wrote down."""
        records = [record for record in self.metrics if record["kind"] == "heldout"]
        return records[-1] if records else None

    @property
    def elbo(self) -> float:
        """The held-out ELBO: evaluated, or else the last one in training; NaN without either."""
        if self.evaluation is not None:
            return self.evaluation.elbo
        return number((self.heldout or {}).get("elbo"))


def read_contents(path: Path) -> RunContents:
    """Reads what is in the folder of a run.

    Args:
        path: The folder.

    Returns:
        What is there; a damaged part is left out, and a note says so.

    Raises:
        InputError: If this is no run, or its config or record is damaged.
    """
    folder = RunFolder(path)
    config, record = folder.read_config(), folder.read_record()
    notes: list[str] = []
    metrics: list[dict[str, Any]] = []
    evaluation = None
    try:
        metrics = [each for each in folder.read_metrics() if abs(each["step"]) < _HUGE]
    except (InputError, OSError) as error:
        notes.append(f"The metrics cannot be read: {_reason(error, path)}")
    try:
        evaluation = read_evaluation(path)
    except InputError as error:
        notes.append(f"The evaluation cannot be read: {_reason(error, path)}")
    robustness = None
    try:
        robustness = read_robustness(path)
        if robustness is not None:
            read_table(of_run(path).curves)
    except InputError as error:
        notes.append(f"The robustness cannot be read: {_reason(error, path)}")
    attacks = []
    for place in sorted(folder.attacks.glob("*/arguments.json")):
        try:
            attacks.append(attack_contents(place.parent))
        except InputError as error:
            notes.append(f"An attack cannot be read: {_reason(error, path)}")
            continue
        try:
            AttackRecords(place.parent).known()
        except InputError as error:
            notes.append(f"How an attack was made cannot be read: {_reason(error, path)}")
    contents = RunContents(
        path=path,
        config=config,
        record=record,
        status=folder.status(record),
        metrics=metrics,
        newest=None,
        evaluation=evaluation,
        outdated=None,
        attacks=attacks,
        notes=notes,
        robustness=robustness,
    )
    return _of_newest(replace(contents, newest=_newest(contents)))


def attack_contents(folder: Path) -> AttackContents:
    """Reads a finished attack.

    Args:
        folder: Its folder.

    Returns:
        What is known of it.

    Raises:
        InputError: If it is not finished, or a file is damaged.
    """
    if not AttackRecords(folder).finished:
        raise InputError(f"{folder.name}: it is not finished: the command that began it goes on")
    table = read_findings(folder).table
    try:
        arguments, about = AttackRecords(folder).known()
    except InputError:
        arguments, about = {}, {}
    step = about.get("step")
    first = table.iloc[0]
    return AttackContents(
        folder=folder,
        mode=str(first.get("mode", folder.name)),
        layers=str(first.get("layers", "")),
        table=table,
        arguments=arguments,
        step=step if isinstance(step, int) else None,
        source=mapping(about.get("source")),
    )


def read_findings(folder: Path) -> Findings:
    """Reads all that an attack found, and sees that a page can show it.

    Args:
        folder: Of the attack.

    Returns:
        Table and images; the rows are sorted by pair and penalty.

    Raises:
        InputError: If a file is absent or damaged, or one does not fit another.
    """
    table, images, pairs = AttackRecords(folder).read()
    shapes = {batch.shape[1:] for batch in (*images.values(), *pairs.values())}
    if not all(len(shape) == 3 and shape[0] in {1, 3} for shape in shapes):
        raise InputError(f"{folder.name}: its images are none that a page can show")
    order = np.lexsort((table["weight"].to_numpy(), table["pair"].to_numpy()))
    return Findings(
        table.iloc[order].reset_index(drop=True),
        {name: batch[order] for name, batch in images.items()},
        pairs,
    )


def number(value: object) -> float:
    """A number from a file, NaN if it is none.

    Args:
        value: What stands there.

    Example:
        >>> number(3), number("3"), number(None)
        (3.0, nan, nan)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    return float(value) if abs(value) < _HUGE else math.nan


def mapping(value: object) -> dict[str, Any]:
    """An object from a file, empty if it is none.

    Args:
        value: What stands there.

    Example:
        >>> mapping({"seed": 1}), mapping([1])
        ({'seed': 1}, {})
    """
    return value if isinstance(value, dict) else {}


def _newest(run: RunContents) -> int | None:
    saved = checkpoints(RunFolder(run.path).checkpoints)
    if saved:
        return step_of(saved[-1])
    return run.step if run.status == "finished" and run.metrics else None


def _of_newest(run: RunContents) -> RunContents:
    """Leaves out an evaluation and a robustness of another checkpoint than the newest."""
    if run.robustness is not None and run.newest not in {None, run.robustness.step}:
        run = replace(run, robustness=None)
    if run.evaluation is None or run.newest in {None, run.evaluation.step}:
        return run
    note = (
        f"The evaluation is of step {run.evaluation.step}, the run is at step {run.newest}: "
        f"it is left out until `seatbelt evaluate {run.path}` makes it again."
    )
    return replace(run, evaluation=None, outdated=run.evaluation.step, notes=[*run.notes, note])


def _reason(error: Exception, path: Path) -> str:
    """Leaves out where the run is: a page may travel."""
    return str(error).replace(f"{path.resolve()}/", "").replace(f"{path}/", "")
