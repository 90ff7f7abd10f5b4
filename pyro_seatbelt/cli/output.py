"""What commands print: results on standard output, everything else on standard error."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", show_envvar=False, help="Print the result as JSON.")]
"""The flag that every command with a result has."""


def say(text: str = "", *, err: bool = False, red: bool = False) -> None:
    """Prints lines.

    Args:
        text: The lines; of names in them that somebody else chose, no character steers a terminal.
        err: Whether on standard error.
        red: Whether it must not be overlooked.
    """
    lines = "\n".join(map(printable, text.split("\n")))
    typer.secho(lines, err=err, fg="red" if red else None, bold=red)


def printable(text: str) -> str:
    r"""Writes characters that cannot be seen as escapes: some steer a terminal.

    Args:
        text: Such as the name of a file.

    Example:
        >>> printable("cat\x1b[2J.png")
        'cat\\x1b[2J.png'
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def shortened(text: str, most: int = 1000) -> str:
    """Leaves out the middle of a long text.

    Args:
        text: The text.
        most: How many characters remain, about.

    Example:
        >>> shortened("0123456789", most=6)
        '0123 [4 characters left out] 89'
    """
    if len(text) <= most:
        return text
    head, tail = 2 * most // 3, most // 3
    return f"{text[:head]} [{len(text) - head - tail} characters left out] {text[-tail:]}"


def print_json(result: Any) -> None:
    """Prints one JSON document on standard output.

    Args:
        result: Mappings, sequences, texts and numbers; paths and times become texts.
    """
    typer.echo(json.dumps(result, indent=2, default=_as_text))


def print_pairs(pairs: Mapping[str, object]) -> None:
    """Prints names and values in two columns.

    Args:
        pairs: Values by name.
    """
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        say(f"{name:<{width}}  {printable(str(value))}")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints rows in columns as wide as they need to be.

    Args:
        headings: Names of the columns.
        rows: A value for each column.
    """
    texts = [[printable(str(value)) for value in row] for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        say(line.rstrip())


def count(number: int, thing: str) -> str:
    """Says how many there are of something.

    Args:
        number: How many.
        thing: What, in the singular.

    Example:
        >>> count(1, "image"), count(86366, "image")
        ('1 image', '86,366 images')
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


@contextmanager
def resumable() -> Iterator[None]:
    """While open, a signal to stop ends the command with a line that says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        say("stopped; the same command goes on from what is finished", err=True)
        raise typer.Exit(1) from None


def stderr_console() -> "Console":
    """Returns the console for progress."""
    from rich.console import Console

    return Console(stderr=True)


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"expected something JSON has a word for, got {type(value).__name__}")
