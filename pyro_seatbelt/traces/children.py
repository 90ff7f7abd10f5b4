"""Modules inside a program, without Pyro's statements for their parameters."""

from typing import Any

import pyro
from pyro.nn import PyroModule


def child(program: PyroModule, name: str) -> Any:
    """Returns a module inside a program.

    As an attribute it would cost a Pyro statement for each of its parameters at each call: half of
    what Pyro takes of a step. Where parameters live in the modules (`module_local_params`), as in
    our training, nothing comes of those statements.

    Args:
        program: The program.
        name: Of the attribute.

    Example:
        >>> from torch import nn
        >>> program = PyroModule()
        >>> program.net = nn.Linear(2, 2)
        >>> child(program, "net")
        Linear(in_features=2, out_features=2, bias=True)
    """
    if pyro.settings.get("module_local_params"):
        for key, module in program.named_children():
            if key == name and not isinstance(module, PyroModule):
                return module
    return getattr(program, name)
