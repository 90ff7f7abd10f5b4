"""Commands that are imported when they are asked for."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand


class LazyCommand(TyperCommand):
    """A command of which only the name and one line are known until it runs.

    Args:
        name: Its name: the room ``pyro_seatbelt.cli.NAME`` has a function or a
            :class:`typer.Typer` of this name.
        summary: What it does, the first line of its help.
        cls: The name in that room of the class of the command, if it has one of its own.
    """

    def __init__(self, name: str, summary: str, cls: str | None = None) -> None:
        super().__init__(name, help=summary)
        self._class = cls

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Reads the arguments of the command itself, which the context holds in place of this."""
        return self.load().make_context(info_name, args, parent, **extra)

    def load(self) -> Any:
        """Imports the command."""
        assert self.name is not None
        room = import_module(f"pyro_seatbelt.cli.{self.name}")
        found = getattr(room, self.name)
        parent = typer.Typer(rich_markup_mode="markdown")
        parent.callback()(lambda: None)  # it stays a group, of this one command
        if isinstance(found, typer.Typer):
            parent.add_typer(found, name=self.name)
        else:
            cls = TyperCommand if self._class is None else getattr(room, self._class)
            parent.command(self.name, cls=cls)(found)
        group: Any = typer.main.get_command(parent)
        return group.commands[self.name]
