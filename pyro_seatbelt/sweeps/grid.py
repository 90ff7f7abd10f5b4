"""A grid of runs, with what is to be done with each."""

import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from pyro_seatbelt.attacks import geometric_weights
from pyro_seatbelt.data import dataset_spec
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import PRESETS
from pyro_seatbelt.runs.attack import AttackOptions, check_options
from pyro_seatbelt.runs.evaluate import EvaluateOptions
from pyro_seatbelt.sweeps.jobs import UNNAMED, Job, job_for, merge_jobs
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.validation import one_line, suggestion

_EXPECTED = {"layers": "all, top, base or a list of sites"}
_ATTACK = {field.name for field in fields(AttackOptions)} - {"processes", "force"} | {"lambdas"}
_EVALUATE = {field.name for field in fields(EvaluateOptions)} - {"force"}


class Grid(BaseModel):
    """What a sweep is made of: the content of a grid file.

    A value of the grid that a model has no use for is dropped where the model stands in the grid:
    `layers` of flat models and `beta` of models without one. Runs that become the same are one.

    Attributes:
        train: Settings of every run (:class:`TrainConfig`).
        grid: Lists of values of other settings; every combination is a run.
        attack: The attacks on each.
        evaluate: What to measure of each; None for nothing.

    Raises:
        InputError: If a name is unknown or a value is wrong: one line that names it.

    Example:
        >>> grid = Grid(grid={"model": ["vae", "seatbelt"], "layers": [2, 4], "seed": [0, 1]})
        >>> [job.name.rsplit("-", 1)[0] for job in grid.jobs()]  # doctest: +NORMALIZE_WHITESPACE
        ['synth-chairs-vae-L1-z10-s0', 'synth-chairs-vae-L1-z10-s1',
         'synth-chairs-seatbelt-L2-z10-b6-s0', 'synth-chairs-seatbelt-L2-z10-b6-s1',
         'synth-chairs-seatbelt-L4-z10-b6-s0', 'synth-chairs-seatbelt-L4-z10-b6-s1']
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    attack: tuple[AttackOptions, ...] = ()
    evaluate: EvaluateOptions | None = EvaluateOptions()

    if not TYPE_CHECKING:  # the type checker keeps the fields' own signature

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise InputError(
                    one_line(
                        error,
                        fields=Grid.model_fields,
                        what="part of a grid",
                        expected=_EXPECTED,
                    )
                ) from None

    @field_validator("attack", mode="before")
    @classmethod
    def _attacks(cls, tables: Any) -> Any:
        if not isinstance(tables, (list, tuple)):
            raise ValueError(f"expected tables, each headed [[attack]], got {tables!r}")  # noqa: TRY004 - pydantic's
        return [_attack_values(table, number) for number, table in enumerate(tables, start=1)]

    @field_validator("attack", mode="after")
    @classmethod
    def _possible(cls, attacks: tuple[AttackOptions, ...]) -> tuple[AttackOptions, ...]:
        for number, options in enumerate(attacks, start=1):
            try:
                check_options(options)
            except InputError as error:
                raise ValueError(f"table {number}: {error}") from error
        return attacks

    @field_validator("evaluate", mode="before")
    @classmethod
    def _evaluation(cls, table: Any) -> Any:
        if isinstance(table, bool):
            return EvaluateOptions() if table else None
        if isinstance(table, Mapping):
            _check_names(table, _EVALUATE, "option of an evaluation")
        return table

    @model_validator(mode="after")
    def _settings(self) -> Self:
        for name in self.grid:
            if name in self.train:
                raise ValueError(f"{name}: expected it in [train] or in [grid], got both")
        _check_values("train", {name: [value] for name, value in self.train.items()})
        _check_values("grid", self.grid)
        for name in sorted(UNNAMED & self.grid.keys()):
            raise ValueError(
                f"grid.{name}: expected settings that decide what is learned, and this one does "
                "not: put it into [train]"
            )
        self._check_use()
        self.jobs()
        return self

    def jobs(self) -> list[Job]:
        """Makes a job of every combination.

        Returns:
            The jobs, the last list of the grid varying fastest.

        Raises:
            InputError: If a combination contradicts itself.
        """
        jobs = []
        for values in itertools.product(*self.grid.values()):
            given = self.train | dict(zip(self.grid, values, strict=True))
            for name in PRESETS[TrainConfig(**_only(given, "model")).model].unused:
                given.pop(name, None)
            config = TrainConfig.merge(_only(given, *self.train), _only(given, *self.grid))
            dataset_spec(config.dataset)  # says which there are
            jobs.append(job_for(config, self.attack, self.evaluate))
        return merge_jobs(jobs)

    def _check_use(self) -> None:
        """A value that none of the models has a use for is a mistake."""
        given = {name: [value] for name, value in self.train.items()} | self.grid
        models = given.get("model", [TrainConfig().model])
        for name, what in (("layers", "more than one layer"), ("beta", "a beta")):
            unused = all(name in PRESETS[model].unused for model in models)
            if unused and any(value not in {None, 1} for value in given.get(name, [])):
                raise ValueError(
                    f"{name}: expected a model that has {what}, got {', '.join(models)}: leave it "
                    "out, or take another model"
                )


def read_grid(path: Path) -> Grid:
    r"""Reads a grid file.

    Args:
        path: A TOML file with the tables of a :class:`Grid`: `[train]`, `[grid]`, any number of
            `[[attack]]` (the fields of :class:`AttackOptions`, or `lambdas`, how many penalties)
            and `[evaluate]` (the fields of :class:`EvaluateOptions`) or `evaluate = false`.

    Returns:
        The grid.

    Raises:
        InputError: If it cannot be read or parsed, a name is unknown or a value is wrong.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "seeds.toml"
        >>> _ = path.write_text('evaluate = false\n[grid]\nseed = [0, 1, 2]\n')
        >>> len(read_grid(path).jobs())
        3
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: the grid cannot be read: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, not TOML
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a valid .toml file: {reason}") from error
    try:
        return Grid(**values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _attack_values(table: Any, number: int) -> Any:
    if not isinstance(table, Mapping):
        return table
    _check_names(table, _ATTACK, "option of an attack", where=f"table {number}: ")
    values = dict(table)
    if "lambdas" in values:
        if "weights" in values:
            raise ValueError(f"table {number}: expected lambdas or weights, got both")
        count = values.pop("lambdas")
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"table {number}: lambdas: expected a number >= 0, got {count!r}")
        values["weights"] = geometric_weights(count)
    return values


def _check_names(table: Mapping[str, Any], names: set[str], what: str, *, where: str = "") -> None:
    for name in table:
        if name not in names:
            raise ValueError(f"{where}unknown key '{name}'{suggestion(name, names, what)}")


def _check_values(where: str, values: Mapping[str, list[Any]]) -> None:
    """Tries every value by itself, so that the error names it."""
    _check_names(values, set(TrainConfig.model_fields), "setting of a run", where=f"{where}: ")
    for name, choices in values.items():
        if not choices:
            raise ValueError(f"{where}.{name}: expected a list of one value or more, got none")
        for choice in choices:
            try:
                TrainConfig(**{name: choice})
            except InputError as error:
                raise ValueError(f"{where}.{error}") from error


def _only(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}
