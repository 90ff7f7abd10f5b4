"""A grid of runs, with what is to be done with each."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pyro_seatbelt.data import dataset_spec
from pyro_seatbelt.documents import parse_toml, read_text
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import PRESETS
from pyro_seatbelt.options import Expected, Options, unknown_key
from pyro_seatbelt.runs.attack_options import AttackOptions, check_search
from pyro_seatbelt.runs.evaluate_options import EvaluateOptions
from pyro_seatbelt.runs.robustness_options import RobustnessOptions
from pyro_seatbelt.sweeps.job import UNNAMED, Job, job_for, merge_jobs
from pyro_seatbelt.training.config import TrainConfig


def _train(values: dict[str, Any]) -> dict[str, Any]:
    TrainConfig(**values)
    return values


def _grid(lists: dict[str, list[Any]]) -> dict[str, list[Any]]:
    for name, values in lists.items():
        for value in values:  # each by itself, so that the error names it
            TrainConfig(**{name: value})
    for name in sorted(UNNAMED & lists.keys()):
        raise ValueError(
            f"{name}: expected settings that decide what is learned, and this one does not: put "
            "it into [train]"
        )
    return lists


def _table(values: Any, noun: str) -> Any:
    """Refuses the options that hold for one call of a command."""
    for name in ("processes", "force"):
        if isinstance(values, Mapping) and name in values:
            raise ValueError(unknown_key(name, (), noun))
    return values


def _attack_table(values: Any) -> Any:
    """A table of attack options; its penalties are floats, so that 1 and 1.0 are one attack."""
    values = _table(values, AttackOptions.noun)
    if isinstance(values, Mapping) and isinstance(values.get("weights"), list):
        weights = [float(each) if type(each) is int else each for each in values["weights"]]
        return {**values, "weights": weights}
    return values


def _attack(options: AttackOptions) -> AttackOptions:
    check_search(options)
    return options


def _measure(options: type[Options]) -> BeforeValidator:
    """Reads a table of options, of which `true` stands for the defaults and `false` for none."""

    def read(table: Any) -> Any:
        if isinstance(table, bool):
            return options() if table else None
        return _table(table, options.noun)

    return BeforeValidator(read)


class Grid(Options):
    """What a sweep is made of: the content of a grid file.

    A value of the grid that a model has no use for is dropped where the model stands in the grid:
    `layers` of flat models and `beta` of models without one. Runs that become the same are one.

    Attributes:
        train: Settings of every run (:class:`TrainConfig`).
        grid: Lists of values of other settings; every combination is a run.
        attack: The attacks on each.
        evaluate: What to measure of each; None for nothing.
        robustness: How the robustness of each is measured; None for not at all.

    Raises:
        InputError: If a name is unknown or a value is wrong: one line that names it.

    Example:
        >>> grid = Grid(grid={"model": ["vae", "seatbelt"], "layers": [2, 4], "seed": [0, 1]})
        >>> [job.name.rsplit("-", 1)[0] for job in grid.jobs()]  # doctest: +NORMALIZE_WHITESPACE
        ['synth-chairs-vae-L1-z10-s0', 'synth-chairs-vae-L1-z10-s1',
         'synth-chairs-seatbelt-L2-z10-b6-s0', 'synth-chairs-seatbelt-L2-z10-b6-s1',
         'synth-chairs-seatbelt-L4-z10-b6-s0', 'synth-chairs-seatbelt-L4-z10-b6-s1']
    """

    noun: ClassVar[str] = "part of a grid"

    train: Annotated[dict[str, Any], AfterValidator(_train)] = Field({})
    grid: Annotated[
        dict[str, Annotated[list[Any], Field(min_length=1)]],
        AfterValidator(_grid),
        Expected("a list of one value or more"),
    ] = Field({})
    attack: Annotated[
        tuple[
            Annotated[AttackOptions, BeforeValidator(_attack_table), AfterValidator(_attack)], ...
        ],
        Expected("tables, each headed [[attack]]"),
    ] = ()
    evaluate: Annotated[
        EvaluateOptions | None, _measure(EvaluateOptions), Expected("a table, true or false")
    ] = EvaluateOptions()
    robustness: Annotated[
        RobustnessOptions | None, _measure(RobustnessOptions), Expected("a table, true or false")
    ] = None

    @model_validator(mode="after")
    def _jobs_can_be_made(self) -> Self:
        for name in self.grid.keys() & self.train.keys():
            raise ValueError(f"{name}: expected it in [train] or in [grid], got both")
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
            jobs.append(job_for(config, self.attack, self.evaluate, self.robustness))
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
            and `[evaluate]` (the fields of :class:`EvaluateOptions`) or `evaluate = false`, and
            `[robustness]` (the fields of :class:`RobustnessOptions`) or `robustness = true`.

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
        values = parse_toml(read_text(path))
    except OSError as error:
        raise InputError(f"{path}: the grid cannot be read: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, not TOML
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a valid .toml file: {reason}") from error
    try:
        return Grid(**values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _only(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}
