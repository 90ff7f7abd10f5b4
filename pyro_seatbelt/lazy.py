"""Packages whose names are imported when somebody asks for them."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazily(package: str, names: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Makes the `__getattr__` of a package.

    Args:
        package: Its name.
        names: What each of its modules has to offer, besides the module itself; one of the
            package beside it begins with a dot.

    Returns:
        A function that imports the module which has a name, and raises :class:`AttributeError`
        for a name that none has.

    Example:
        >>> get = lazily("collections", {"abc": ["Mapping", "Sequence"]})
        >>> get("Mapping") is Mapping
        True
    """
    homes = {name: module for module, offered in names.items() for name in offered}

    def get(name: str) -> Any:
        if name in names:
            return importlib.import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f".{homes[name]}", package), name)

    return get
