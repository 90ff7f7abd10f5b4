"""Options that a user gives: checked, immutable records whose errors are one line."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from pyro_seatbelt.errors import InputError

_SIGNS = {
    "greater than or equal to": ">=",
    "less than or equal to": "<=",
    "greater than": ">",
    "less than": "<",
}


class Group(NamedTuple):
    """The heading under which a field is listed in help texts."""

    title: str


class Flag(NamedTuple):
    """How a field is given on the command line, where that is not its own name.

    Attributes:
        spelling: Such as `--lambda`; None for a field that has no flag.
        metavar: What its value is called, instead of its type.
        variable: An older name, which the environment variable has as well.
        text: Whether a list is given as one text, which the options take apart.
    """

    spelling: str | None
    metavar: str | None = None
    variable: str | None = None
    text: bool = False


class Expected(NamedTuple):
    """What an error says was expected of a field, where pydantic's words say less."""

    text: str


Device = Annotated[
    str,
    Field(
        pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$",
        description="auto (an accelerator if there is one), cpu, cuda, cuda:N or mps.",
    ),
    Expected("auto, cpu, cuda, cuda:N or mps"),
]
"""Where the networks run."""


class Options(BaseModel):
    """Base of everything that a user can set: by flag, environment, file or Python.

    A field has its description, its bounds and, in its metadata, how it is shown: :class:`Group`,
    :class:`Flag`, :class:`Expected`.

    Raises:
        InputError: If a value is out of its bounds or a name is unknown: one line that names the
            field, what was expected and what came.

    Example:
        >>> class Sizes(Options):
        ...     images: Annotated[int, Field(ge=2)] = 10
        >>> Sizes(images=1)
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: images: expected >= 2, got 1
        >>> Sizes(imagse=5)
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: unknown key 'imagse': did you mean images?
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    noun: ClassVar[str] = "option"
    """What a field is, for a name that is like none of them."""

    exclusive: ClassVar[tuple[str, str] | None] = None
    """Two fields that say the same in different ways: the later one given counts."""

    if not TYPE_CHECKING:  # the type checker keeps the fields' own signature

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise InputError(_one_line(error, type(self))) from None

    @model_validator(mode="before")
    @classmethod
    def _no_truth_values(cls, values: Any) -> Any:
        for name, value in values.items() if isinstance(values, dict) else ():
            field = cls.model_fields.get(name)
            if not isinstance(value, bool) or field is None or field.annotation is bool:
                continue
            if mark(field, BeforeValidator) is None:  # pydantic would take True for 1
                raise ValueError(f"{name}: expected no truth value, got {value}")
        return values

    @classmethod
    def merge(cls, *layers: Mapping[str, Any]) -> Self:
        """Builds options from several partial ones.

        Args:
            layers: Values by field name. Where two give the same field, the later one counts; of
                two fields that are :attr:`exclusive` likewise.

        Returns:
            The options.

        Raises:
            InputError: If a value is wrong or a name is unknown.
        """
        return cls(**cls.merged(*layers))

    @classmethod
    def merged(cls, *layers: Mapping[str, Any]) -> dict[str, Any]:
        """Puts partial options into one, unchecked; see :meth:`merge`.

        Args:
            layers: Values by field name.

        Returns:
            Values by field name.
        """
        merged: dict[str, Any] = {}
        pair = cls.exclusive or ()
        for layer in layers:
            for one, other in zip(pair, pair[::-1], strict=True):
                if layer.get(one) is not None:
                    merged.pop(other, None)
            merged.update(layer)
        return merged


def mark[M](field: FieldInfo, kind: type[M]) -> M | None:
    """Finds the mark of a kind among the metadata of a field.

    Args:
        field: The field.
        kind: Such as :class:`Group`, :class:`Flag` or :class:`Expected`.

    Example:
        >>> mark(FieldInfo.from_annotation(Annotated[int, Flag("--lambda")]), Flag)
        Flag(spelling='--lambda', metavar=None, variable=None, text=False)
    """
    return next((each for each in field.metadata if isinstance(each, kind)), None)


def unknown_key(name: str, known: Iterable[str], noun: str) -> str:
    """Says that a name does not exist.

    Args:
        name: The name.
        known: Names that exist.
        noun: What each of them is.

    Example:
        >>> unknown_key("btea", ["beta", "alpha"], "setting of a run")
        "unknown key 'btea': did you mean beta?"
    """
    near = difflib.get_close_matches(name.replace("-", "_"), list(known))
    advice = f"did you mean {' or '.join(near)}?" if near else f"it is no {noun}"
    return f"unknown key '{name}': {advice}"


def _one_line(error: ValidationError, kind: type[Options]) -> str:
    """Everything that is wrong: for each field, what was expected and what came."""
    described = [_describe(problem, kind) for problem in error.errors()]
    return "; ".join(dict.fromkeys(described))


def _describe(problem: Mapping[str, Any], kind: type[Options]) -> str:
    said = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:  # from our own validators, which name the field themselves
        return said
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return unknown_key(name, kind.model_fields, kind.noun)
    place = _place(problem["loc"])
    if problem["type"] == "value_error":  # options in options name their own field
        return f"{place}.{said}" if re.match(r"\w+( \d+)?: ", said) else f"{place}: {said}"
    expected = mark(kind.model_fields[name], Expected)
    if expected and isinstance(problem["loc"][-1], int):  # one of many, which the words name
        return f"expected {expected.text}, got {_shown(problem['input'])}"
    wanted = expected.text if expected else said.removeprefix("Input should be ")
    for words, sign in _SIGNS.items():
        wanted = wanted.replace(words, sign)
    return f"{place}: expected {wanted}, got {problem['input']!r}"


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _place(location: tuple[int | str, ...]) -> str:
    """Where it is: counted from 1, without the members of unions."""
    words: list[str] = []
    for part in location:
        if isinstance(part, int):
            words.append(f" {part + 1}")
        elif part.isidentifier():
            words.append(f".{part}")
    return "".join(words).removeprefix(".")
