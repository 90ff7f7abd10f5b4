"""The command `seatbelt`: its subcommands, and what every one of them has in common."""

import errno
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pyro_seatbelt import __version__
from pyro_seatbelt.allocator import keep_freed_memory
from pyro_seatbelt.cli.lazy import LazyCommand
from pyro_seatbelt.cli.output import say, shortened
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.signals import stopping

COMMANDS = (
    LazyCommand("train", "Train a model of the family and keep it in a run folder."),
    LazyCommand(
        "attack",
        "Attack a trained run: look for small distortions that turn one image into another.",
    ),
    LazyCommand(
        "evaluate",
        "Measure a trained run: bounds, the parts of its KL, disentanglement, noise, "
        "reconstructions.",
    ),
    LazyCommand(
        "robustness",
        "Measure how large a distortion must be to move what runs reconstruct, beside their "
        "quality.",
    ),
    LazyCommand(
        "report", "Write what is known of some runs as one HTML file that needs nothing else."
    ),
    LazyCommand(
        "defend", "Make a run that resists from a trained one: the same weights, defended."
    ),
    LazyCommand("sweep", "Train, attack and evaluate every run of a grid.", "OptionalRay"),
    LazyCommand(
        "reproduce",
        "Make figures and tables of the paper again, and check what it claims.",
        "RayOrNames",
    ),
    LazyCommand(
        "board",
        "Train and attack the family and its defences at one budget, and rank them.",
    ),
    LazyCommand("runs", "List the runs in a folder, the newest last, or check their files."),
    LazyCommand("data", "List, download, import, draw, show and check data sets."),
)


class OneLineErrors(TyperGroup):
    """The group of all commands: errors are one line on standard error and an exit status.

    0: done. 2: the user's input is wrong. 1: anything else, also a signal to stop.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for command in COMMANDS:
            self.add_command(command)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs the command line and exits."""
        try:
            with stopping():
                status = super().main(
                    args, prog_name, complete_var, False, windows_expand_args, **extra
                )
            sys.stdout.flush()  # what cannot be written is said now, not as Python shuts down
        except InputError as error:
            status = _fail(2, str(error))
        except typer.TyperException as error:  # usage: an unknown option, a wrong type
            status = _fail(2, _usage(error))
        except typer.Abort:
            status = _fail(1, "interrupted")
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                status = _fail(2, f"{error.filename}: longer than a file's name can be")
            elif error.errno == errno.ENOSPC:
                status = _fail(1, "the output cannot be written: no space left")
            else:
                raise
        if not standalone_mode:
            return status
        return sys.exit(status if isinstance(status, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Runs a command; a signal to stop is not a status of its own."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Abort from error


def _usage(error: Any) -> str:
    """What is wrong with a command line, or with the variable that a flag was read from."""
    flag, context = (getattr(error, name, None) for name in ("param", "ctx"))
    source = context.get_parameter_source(flag.name) if flag and context else None
    if flag is not None and source is not None and source.name == "ENVIRONMENT":
        for name in flag.envvar or ():
            if value := os.environ.get(name):
                return f"{name}: {error.message}, got {value!r}"
    message: str = error.format_message()
    return message


def _fail(status: int, message: str) -> int:
    if message:  # a command without its arguments has printed its help instead
        say(f"error: {shortened(' '.join(message.split()))}", err=True)
    return status


app = typer.Typer(
    name="seatbelt",
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"auto_envvar_prefix": "SEATBELT", "help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"pyro-seatbelt {__version__}")
        raise typer.Exit


@app.callback()
def seatbelt(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            show_envvar=False,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Seatbelt-VAEs and their relatives: train them, attack them, and look at what they learned.

    `seatbelt train` is the place to start: it draws its own data.
    """
    del version


def main() -> None:
    """Runs the command `seatbelt`, with the data sets that have been registered before."""
    keep_freed_memory()
    app(prog_name="seatbelt")
