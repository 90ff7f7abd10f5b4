"""The modules that a program reaches: itself, what it is bound to, its closure and its globals."""

from collections.abc import Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

from torch import nn

# functions of these never reach a user's module
_LIBRARIES = {"torch", "pyro", "numpy", "functools"}


def reachable_modules(*programs: Any) -> list[nn.Module]:
    """Finds the modules that programs reach, those inside others left out, each once.

    Looked at are modules, bound methods, partial functions and Pyro's handlers, callable objects,
    and of a function its closure, its defaults and the globals that it names, with functions,
    lists, tuples and dicts among them in turn. A module that is an attribute of another object
    is not seen.

    Args:
        programs: Models and guides; None is passed over.

    Returns:
        In the order in which they are met.

    Example:
        >>> net = nn.Linear(2, 2)
        >>> [type(each).__name__ for each in reachable_modules(lambda x: net(x))]
        ['Linear']
    """
    found: dict[nn.Module, None] = {}
    waiting, seen = list(reversed(programs)), set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, nn.Module):
            found[each] = None
        else:
            waiting += reversed(list(_parts(each)))
    return list(found)


def _parts(value: Any) -> Iterator[Any]:
    """What a value that is no module may reach a module through."""
    if isinstance(value, MethodType):
        yield from (value.__self__, value.__func__)
    elif isinstance(value, partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, FunctionType):
        yield from _of_function(value)
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
    elif callable(value) and not isinstance(value, type):
        yield from getattr(value, "__dict__", {}).values()


def _of_function(function: FunctionType) -> Iterator[Any]:
    if str(function.__globals__.get("__name__")).partition(".")[0] in _LIBRARIES:
        return
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a name that is not bound yet
            continue
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield function.__globals__[name]


def _names(code: CodeType) -> Iterator[str]:
    """The names that a function and those inside it may look up among the globals."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
