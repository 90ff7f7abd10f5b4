"""The folder of a run: what lies where, and who may write to it."""

import os
import platform
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import (
    expanded,
    make_folder,
    refuse_links,
    remove_parts,
    sync,
    write_atomically,
    writing,
)
from pyro_seatbelt.formats import from_json, to_json
from pyro_seatbelt.locks import lock, locked
from pyro_seatbelt.manifest import NAME, read_checked, remove_manifest, write_manifest
from pyro_seatbelt.training.config import TrainConfig, parse_config
from pyro_seatbelt.training.layout import checkpoints, step_of
from pyro_seatbelt.training.metrics import parse_metrics

_BEGUN = {"run.json"}
"""What a run that was killed as it began leaves; `config.json` comes last and makes it a run."""

_Side = Annotated[int, Field(ge=1, le=4096)]

Status = Literal["running", "finished", "interrupted", "failed"]


class RunRecord(BaseModel):
    """What is known of a run besides its config: the content of `run.json`.

    Attributes:
        status: How it stands.
        fingerprint: SHA-256 of the data that it was trained on.
        provenance: Where the data come from.
        synthetic: Whether the images were made by a program.
        image_shape: Channels, height and width.
        num_train: Images that it learns from.
        num_heldout: Images that it never sees.
        started: When it began, UTC.
        finished: When it last stopped, UTC.
        pid: The process that trains or trained it.
        versions: Of the packages that decide the numbers.
        error: Why it failed.
        damaged: Checkpoints that it could not go on from, and what was wrong with them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Status
    fingerprint: str
    provenance: Mapping[str, str | int]
    synthetic: bool
    image_shape: tuple[_Side, _Side, _Side]
    num_train: PositiveInt
    num_heldout: PositiveInt
    started: datetime
    finished: datetime | None = None
    pid: int
    versions: Mapping[str, str]
    error: str | None = None
    damaged: tuple[str, ...] = ()


def table_file(folder: Path) -> Path:
    """Where the table of an attack is: it comes last, so that the attack is finished with it.

    Args:
        folder: Of the attack.

    Example:
        >>> table_file(Path("attacks/latent")).name
        'table.parquet'
    """
    return folder / "table.parquet"


class RunFolder:
    """Paths in the folder of a run, and the two records in it.

    Args:
        path: The folder.

    Example:
        >>> RunFolder(Path("runs/first")).figures.name
        'figures'
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def metrics(self) -> Path:
        """The numbers, one JSON object per line."""
        return self.path / "metrics.jsonl"

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.path / "figures"

    @property
    def attacks(self) -> Path:
        """Folder of the attacks; each is an :class:`~pyro_seatbelt.runs.records.AttackRecords`."""
        return self.path / "attacks"

    @property
    def evaluation(self) -> Path:
        """Folder of the evaluation (:class:`~pyro_seatbelt.runs.evaluation.EvaluationFolder`)."""
        return self.path / "evaluation"

    @property
    def robustness(self) -> Path:
        """Folder of the robustness (:mod:`~pyro_seatbelt.runs.robustness_numbers`)."""
        return self.path / "robustness"

    def newest_step(self) -> int | None:
        """Tells the step of the newest checkpoint; None if there is none."""
        saved = checkpoints(self.checkpoints)
        return step_of(saved[-1]) if saved else None

    def read_config(self) -> TrainConfig:
        """Reads the config that the run was started with.

        Raises:
            InputError: If this is no run folder or the file is damaged.
        """
        path = self.path / "config.json"
        refuse_links(self.path)
        if not path.is_file():
            what = "has no config.json"
            if (self.path / "run.json").is_file():
                what += ": it never began, so start it again"
            raise InputError(f"{self.path}: expected the folder of a run, it {what}")
        return TrainConfig(**parse_config(path, self.content(path)))

    def read_metrics(self) -> list[dict[str, Any]]:
        """Reads the records of numbers; none if there is no file.

        Raises:
            InputError: If the file is damaged.
        """
        path = self.metrics
        return parse_metrics(path, self.content(path)) if path.exists() else []

    def read_record(self) -> RunRecord:
        """Reads what is known of the run.

        Raises:
            InputError: If this is no run folder or the file is damaged.
        """
        path = self.path / "run.json"
        try:
            return RunRecord(**from_json(path, self.content(path)))
        except ValidationError as error:
            raise InputError(f"{path}: the file is damaged") from error

    def write_record(self, record: RunRecord, config: TrainConfig | None = None) -> None:
        """Writes what is known of the run, then its manifest.

        The manifest lists the numbers and the figures of a run that has stopped; while it is
        running they change.

        Args:
            record: What is known.
            config: The config, if it is new.

        Raises:
            InputError: If the disk does not take it.
        """
        remove_manifest(self.path)
        files = [self.path / "run.json", self.path / "config.json"]
        write_atomically(files[0], to_json(record.model_dump(mode="json")))
        if config is not None:
            write_atomically(files[1], to_json(config.model_dump(mode="json")))
        if record.status != "running":
            files += [self.metrics, *self.figures.glob("*.png")]
        write_manifest(self.path, [path for path in files if path.is_file()])

    def is_sealed(self) -> bool:
        """Whether the manifest is there that comes last; earlier versions wrote none.

        Raises:
            InputError: If `run.json` cannot be read.
        """
        path = self.path / "run.json"
        without = b'"format"' not in self.content(path)
        return without or (self.path / NAME).is_file()

    def set_aside(self, checkpoint: Path) -> None:
        """Renames a damaged checkpoint, so that it is none any more.

        Raises:
            InputError: If it cannot be renamed.
        """
        aside = checkpoint.with_name(f"damaged-{checkpoint.name}")
        with writing(aside):
            shutil.rmtree(aside, ignore_errors=True)  # of an earlier time
            checkpoint.rename(aside)
            sync(aside.parent)

    def discard(self) -> None:
        """Takes back the folder of a run that could not begin."""
        with suppress(OSError):
            remove_parts(self.path)
            for name in ("manifest.json", "config.json", "run.json"):
                (self.path / name).unlink(missing_ok=True)
            self.path.rmdir()

    def content(self, path: Path) -> bytes:
        """Reads a file of the run, and sees that it is the one that was written.

        Args:
            path: The file.

        Raises:
            InputError: If it cannot be read, or is damaged.
        """
        try:
            return read_checked(path, self.path)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error

    def locked(self) -> AbstractContextManager[None]:
        """Keeps other processes from training this run; a killed process lets go of it.

        Raises:
            InputError: If another process is training it.
        """
        return locked(self.path, "another process is training this run")

    def status(self, record: RunRecord) -> Status:
        """Tells how the run stands, also where its process was killed before it could say so.

        Args:
            record: What the run says of itself.

        Returns:
            Its status; `interrupted` if it says `running` and no process is training it.
        """
        if record.status != "running":
            return record.status
        with lock(self.path, shared=True) as mine:
            return "interrupted" if mine else "running"


def new_folder(config: TrainConfig, *, out: Path | None, root: Path) -> RunFolder:
    """Makes the folder of a new run.

    Args:
        config: Its config, for the name `<time>-<model>-<dataset>`.
        out: The folder itself, instead of a named one under `root`.
        root: Folder of runs.

    Returns:
        The folder, empty.

    Raises:
        InputError: If there is something in it already, or it cannot be made.
    """
    if out is not None:
        check_free(out)
        with writing(out):
            make_folder(out)
        return RunFolder(out)
    name = f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{config.model}-{config.dataset}"
    with writing(root):
        make_folder(root)
        number = 1
        while True:
            path = root / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                number += 1
            else:
                sync(root)
                return RunFolder(path)


def check_free(out: Path) -> None:
    """Checks that a run may be put somewhere.

    Args:
        out: Absent, or an empty folder; one in which a run was about to begin counts as empty,
            whatever it was writing when it was killed.

    Raises:
        InputError: If there is something already: a run is never overwritten.
    """
    with writing(out):
        if (out / "config.json").is_file():
            raise InputError(
                f"{out}: there is a run here already: go on with it by --resume, or choose "
                "another --out"
            )
        names = {path.name for path in out.iterdir()} if out.is_dir() else set()
        there = {name for name in names - _BEGUN if not name.endswith(".part")}
        if there or (out.exists() and not out.is_dir()):
            raise InputError(f"{out}: expected an absent or empty folder for the run")


def runs_root() -> Path:
    """Returns the folder of runs: ``$SEATBELT_RUNS``, or `runs` in the working directory."""
    return expanded(Path(os.environ.get("SEATBELT_RUNS") or "runs"))


def now() -> datetime:
    """Returns the time, UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def package_versions() -> dict[str, str]:
    """Returns the versions of what decides a run's numbers."""
    packages = ("pyro-seatbelt", "pyro-ppl", "torch", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
