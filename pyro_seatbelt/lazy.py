"""Packages whose names are imported when somebody asks for them, and what an import may lack."""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import resolve_name
from typing import Any


@contextmanager
def needed(what: str, *, extra: str = "cli") -> Iterator[None]:
    """While open, an import of a package that is not installed says what would install it.

    Args:
        what: What needs the package.
        extra: The extra of this package that has it.

    Raises:
        ModuleNotFoundError: In one line, and with the name of what is missing.

    Example:
        >>> with needed("the moon", extra="space"):  # doctest: +ELLIPSIS
        ...     import rockets
        Traceback (most recent call last):
            ...
        ModuleNotFoundError: the moon needs rockets, which is not installed: pip install ...
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"", "pyro_seatbelt"} or "pip install" in str(error):
            raise
        raise ModuleNotFoundError(
            f"{what} needs {missing}, which is not installed: pip install 'pyro-seatbelt[{extra}]'",
            name=missing,
        ) from error


def lazily(package: str, names: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Makes the `__getattr__` of a package.

    Args:
        package: Its name.
        names: What each of its modules has to offer, besides the module itself; one of the
            package beside it begins with a dot.

    Returns:
        A function that imports the module which has a name, and raises :class:`AttributeError`
        for a name that none has and :class:`ModuleNotFoundError` (see :func:`needed`) for a module
        that cannot be imported.

    Example:
        >>> get = lazily("collections", {"abc": ["Mapping", "Sequence"]})
        >>> get("Mapping") is Mapping
        True
    """
    homes = {name: module for module, offered in names.items() for name in offered}

    def get(name: str) -> Any:
        if name not in names and name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = resolve_name(f".{name if name in names else homes[name]}", package)
        with needed(home):
            module = importlib.import_module(home)
        return module if name in names else getattr(module, name)

    return get
