"""The numbers of a run, one JSON object per line."""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from pyro_seatbelt.documents import parse_json, read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.formats import without_nan

type Metrics = Mapping[str, float | Mapping[str, float]]
"""Numbers by name; those of several layers are a mapping by site."""


class MetricsLog:
    """Appends records to a `metrics.jsonl`.

    Each record has its `step` and its `kind` (`train` or `heldout`). Numbers
    that are not finite are written as null, which JSON has a word for.

    Args:
        path: The file; it is made if it is not there.
        after: Step that the run goes on from: records of later steps, left by a run that was cut
            off, are dropped, and so is a last line that was not finished.

    Attributes:
        kept: The records up to that step.
        latest: The last step with a record of each kind.

    Nothing is written before it is entered.

    Raises:
        InputError: If a line is no record, or the file cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "metrics.jsonl"
        >>> with MetricsLog(path) as log:
        ...     log.write(1, "train", {"loss": 2.5, "kl": {"z1": 1.0}})
        >>> read_metrics(path)
        [{'step': 1, 'kind': 'train', 'loss': 2.5, 'kl': {'z1': 1.0}}]
    """

    def __init__(self, path: Path, *, after: int = 0) -> None:
        self._path = path
        self.kept = [record for record in read_metrics(path) if record["step"] <= after]
        self.latest = {record["kind"]: record["step"] for record in self.kept}

    def __enter__(self) -> Self:
        write_atomically(self._path, "".join(_line(record) for record in self.kept))
        with writing(self._path):
            self._file: IO[str] = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with writing(self._path):
            self._file.close()

    def write(self, step: int, kind: str, metrics: Metrics) -> None:
        """Appends one record.

        Args:
            step: Number of the step.
            kind: `train` or `heldout`.
            metrics: The numbers, in nats per image unless their name says otherwise.

        Raises:
            InputError: If the disk does not take it.
        """
        with writing(self._path):
            self._file.write(_line({"step": step, "kind": kind, **metrics}))
            self._file.flush()
        self.latest[kind] = step

    def sync(self) -> None:
        """Waits until the disk has every record.

        Raises:
            InputError: If the disk does not take them.
        """
        with writing(self._path):
            os.fsync(self._file.fileno())


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Reads the records of a run.

    Args:
        path: A `metrics.jsonl`.

    Returns:
        The records in order; none if there is no such file. A last line that was not finished is
        left out.

    Raises:
        InputError: If another line is no record.
    """
    if not path.exists():
        return []
    try:
        return parse_metrics(path, read_bytes(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def parse_metrics(path: Path, content: bytes) -> list[dict[str, Any]]:
    """Does what :func:`read_metrics` does, with a file that has been read.

    Args:
        path: The file, for errors.
        content: Its bytes.

    Raises:
        InputError: If a line is no record.
    """
    try:
        lines = content.decode("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the file is damaged: it is no UTF-8 text") from error
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = parse_json(line)
        except ValueError as error:
            raise InputError(f"{path}: line {number} is no JSON: {error}") from error
        if not isinstance(record, dict) or not _is_count(record.get("step")):
            raise InputError(f"{path}: line {number} is no record: it has no step")
        if not isinstance(record.get("kind"), str):
            raise InputError(f"{path}: line {number} is no record: it has no kind")
        records.append(record)
    return records


def flatten(metrics: Metrics) -> Iterable[tuple[str, float]]:
    """Names the numbers of layers by their site.

    Args:
        metrics: Numbers by name, or by name and site.

    Returns:
        Pairs of a name and a number.

    Example:
        >>> list(flatten({"elbo": -3.0, "kl": {"z1": 1.0, "z2": 2.0}}))
        [('elbo', -3.0), ('kl[z1]', 1.0), ('kl[z2]', 2.0)]
    """
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}[{site}]", number) for site, number in value.items())
        else:
            yield name, value


def mean_report(reports: Sequence[Any]) -> dict[str, Any]:
    """Averages the reports of several particles.

    Args:
        reports: Named tuples of numbers, or of mappings to numbers, all of one kind.

    Returns:
        The means by name.

    Example:
        >>> from typing import NamedTuple
        >>> class Report(NamedTuple):
        ...     elbo: float
        ...     kl: dict[str, float]
        >>> mean_report([Report(1.0, {"z1": 2.0}), Report(3.0, {"z1": 4.0})])
        {'elbo': 2.0, 'kl': {'z1': 3.0}}
    """

    def mean(values: Sequence[Any]) -> Any:
        if isinstance(values[0], Mapping):
            return {key: mean([value[key] for value in values]) for key in values[0]}
        return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else math.nan

    columns: dict[str, list[Any]] = {}
    for report in reports:
        for name, value in report._asdict().items():
            columns.setdefault(name, []).append(value)
    return {name: mean(values) for name, values in columns.items()}


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(without_nan(record), allow_nan=False) + "\n"
