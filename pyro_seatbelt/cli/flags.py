"""Flags made from the fields of options."""

import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import typer
from pydantic.fields import FieldInfo

from pyro_seatbelt.options import Flag, Group, Options, mark


def config_flags(
    kind: type[Options],
    *,
    only: Collection[str] | None = None,
    before: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command one flag for each field of some options.

    Name, type, default, help text and heading come from the field, so that an option is
    described in one place. A flag that is not given can come from the environment:
    ``SEATBELT_TRAIN_BETA`` for ``--beta`` of `seatbelt train`.

    Args:
        kind: The options. The command takes, by keyword, `given`: the values that the user gave
            by flag or environment, by field name. The flags stand where it does.
        only: Fields that have a flag; by default all of them.
        before: Parameters of the command that stand elsewhere in its help: each before which.

    Returns:
        A decorator that makes of such a command one for Typer.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        flags = _flags(kind, command.__name__, kind.model_fields if only is None else only)
        own = inspect.signature(command)

        @wraps(command)
        def with_flags(ctx: typer.Context, *args: Any, **values: Any) -> Any:
            options = {each.name: values.pop(each.name) for each in flags}
            return command(*args, given=_given(ctx, options, kind), **values)

        parameters: list[inspect.Parameter] = []
        for each in own.parameters.values():
            parameters += flags if each.name == "given" else [each]
        for name, other in before.items():
            names = [each.name for each in parameters]
            moved = parameters.pop(names.index(name))
            names.remove(name)
            parameters.insert(names.index(other), moved)
        context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters.append(context)
        # Typer reads these two
        with_flags.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_flags.__annotations__ = {each.name: each.annotation for each in parameters}
        return with_flags

    return decorate


def _flags(kind: type[Options], command: str, names: Collection[str]) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(field),
            annotation=_annotation(name, field, command),
        )
        for name, field in kind.model_fields.items()
        if name in names and mark(field, Flag) != Flag(None)
    ]


def _given(ctx: typer.Context, values: Mapping[str, Any], kind: type[Options]) -> dict[str, Any]:
    """The values that come from a flag or the environment, not from a default."""
    given: dict[str, dict[str, Any]] = {"ENVIRONMENT": {}, "COMMANDLINE": {}}
    for name, value in values.items():
        source = ctx.get_parameter_source(name)
        if source and source.name in given:
            given[source.name][name] = value
    return kind.merged(*given.values())  # a flag goes before the environment


def _annotation(name: str, field: FieldInfo, command: str) -> Any:
    kind, group = _flag_type(field.annotation), mark(field, Group)
    words = name.replace("_", "-")
    flag = mark(field, Flag) or Flag(f"--{words}/--no-{words}" if kind is bool else f"--{words}")
    assert flag.spelling is not None
    if flag.text:
        kind = str
    variables = [flag.spelling.split("/")[0].removeprefix("--").replace("-", "_")]
    if flag.variable:
        variables.append(flag.variable)
    choices = _choices(field.annotation)
    text = field.description or ""
    if choices:  # in the text, where long lists have room
        text = f"{text.rstrip('.')}: {', '.join(choices)}."
    if typing.get_origin(kind) is list:
        text = f"{text} Repeatable."
    option = typer.Option(
        flag.spelling,
        help=text,
        metavar="NAME" if choices else flag.metavar,
        rich_help_panel=group and group.title,
        envvar=[f"SEATBELT_{command}_{variable}".upper() for variable in variables],
        show_default=_default(field) is not None,
        show_envvar=False,
    )
    return Annotated[kind if _default(field) is not None else kind | None, option]


def _default(field: FieldInfo) -> Any:
    if field.default_factory is not None:
        return None
    return list(field.default) if isinstance(field.default, tuple) else field.default


def _flag_type(annotation: Any) -> Any:
    """The type that Typer parses: numbers and paths; anything else is text to the options."""
    origin, members = typing.get_origin(annotation), typing.get_args(annotation)
    if _is_union(annotation):
        members = tuple(each for each in members if each is not types.NoneType)
        return _flag_type(members[0]) if len(members) == 1 else str
    if origin is tuple and members[-1] is Ellipsis:
        return list[_flag_type(members[0])]  # type: ignore[misc]  # made as it runs
    if origin is Annotated:
        return _flag_type(members[0])
    return annotation if annotation in {bool, int, float, Path} else str


def _choices(annotation: Any) -> tuple[str, ...]:
    """The words among which a field chooses, if it does, whether or not it can be left out."""
    kinds = typing.get_args(annotation) if _is_union(annotation) else (annotation,)
    words = [typing.get_args(kind) for kind in kinds if kind is not types.NoneType]
    only = typing.get_origin(kinds[0]) is Literal and len(words) == 1
    return words[0] if only else ()


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in {typing.Union, types.UnionType}
