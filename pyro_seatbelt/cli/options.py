"""Flags made from the fields of a config."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic.fields import FieldInfo

from pyro_seatbelt.training.config import Group, TrainConfig


def config_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command one flag for each field of :class:`TrainConfig`.

    Name, type, default, help text and heading come from the field, so that the
    config is described in one place. A flag that is not given can come from the
    environment: ``SEATBELT_TRAIN_BETA`` for ``--beta``.

    Args:
        command: Takes, by keyword, `given`: the values that the user gave by flag or environment,
            by field name.

    Returns:
        The command with the flags, for Typer.
    """
    own = inspect.signature(command)
    flags = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=_annotation(name, field),
        )
        for name, field in TrainConfig.model_fields.items()
    ]

    @wraps(command)
    def with_flags(ctx: typer.Context, *args: Any, **values: Any) -> Any:
        config = {name: values.pop(name) for name in TrainConfig.model_fields}
        return command(*args, given=_given(ctx, config), **values)

    kept = [each for each in own.parameters.values() if each.name != "given"]
    context = inspect.Parameter(
        "ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
    )
    parameters = [context, *kept, *flags]
    # Typer reads these two
    with_flags.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_flags.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_flags


def _given(ctx: typer.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that come from a flag or the environment, not from a default."""
    given: dict[str, dict[str, Any]] = {"ENVIRONMENT": {}, "COMMANDLINE": {}}
    for name, value in values.items():
        source = ctx.get_parameter_source(name)
        if source and source.name in given:
            given[source.name][name] = value
    environment, flags = given.values()
    for one, other in (("steps", "epochs"), ("epochs", "steps")):
        if one in flags:  # a flag goes first, also before the other way to say the same
            environment.pop(other, None)
    return {**environment, **flags}


def _annotation(name: str, field: FieldInfo) -> Any:
    title = next((each.title for each in field.metadata if isinstance(each, Group)), None)
    choices = typing.get_args(field.annotation) if _is_choice(field.annotation) else ()
    kind = _flag_type(field.annotation)
    flag = name.replace("_", "-")
    description = field.description or ""
    option = typer.Option(
        f"--{flag}/--no-{flag}" if kind is bool else f"--{flag}",
        # in the text, where long lists have room
        help=f"{description.rstrip('.')}: {', '.join(choices)}." if choices else description,
        metavar="NAME" if choices else None,
        rich_help_panel=title,
        show_default=field.default is not None,
        show_envvar=False,
    )
    return Annotated[kind if field.default is not None else kind | None, option]


def _flag_type(annotation: Any) -> Any:
    """The type that Typer parses: a number or a path; anything else is text to the config."""
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        members = [each for each in typing.get_args(annotation) if each is not type(None)]
        return _flag_type(members[0]) if len(members) == 1 else str
    return annotation if annotation in {bool, int, float, Path} else str


def _is_choice(annotation: Any) -> bool:
    return typing.get_origin(annotation) is Literal
