"""What a failed validation says, in one line."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

_SIGNS = {
    "greater than or equal to": ">=",
    "less than or equal to": "<=",
    "greater than": ">",
    "less than": "<",
}


def one_line(
    error: ValidationError,
    *,
    fields: Iterable[str],
    what: str,
    expected: Mapping[str, str] | None = None,
) -> str:
    """Puts everything that is wrong into one line.

    Args:
        error: What pydantic found.
        fields: Names that exist.
        what: What each of them is, for a name that is like none of them.
        expected: What to say of some fields, where pydantic's words say less.

    Returns:
        For each field, what was expected and what came.
    """
    described = [
        _describe(problem, list(fields), what, expected or {}) for problem in error.errors()
    ]
    return "; ".join(dict.fromkeys(described))


def suggestion(name: str, fields: Iterable[str], what: str) -> str:
    """The end of a sentence about a name that does not exist.

    Args:
        name: The name.
        fields: Names that exist.
        what: What each of them is.

    Example:
        >>> suggestion("btea", ["beta", "alpha"], "setting of a run")
        ': did you mean beta?'
    """
    near = difflib.get_close_matches(name.replace("-", "_"), list(fields))
    return f": did you mean {' or '.join(near)}?" if near else f": it is no {what}"


def _describe(
    problem: Mapping[str, Any], fields: list[str], what: str, expected: Mapping[str, str]
) -> str:
    said = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:  # from our own validators, which name the field themselves
        return said
    field = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return f"unknown key '{field}'{suggestion(field, fields, what)}"
    place = _place(problem["loc"])
    if problem["type"] == "value_error":
        return f"{place}: {said}"
    wanted = next((expected[part] for part in problem["loc"] if part in expected), None)
    if wanted is None:
        wanted = said.removeprefix("Input should be ")
        for words, sign in _SIGNS.items():
            wanted = wanted.replace(words, sign)
    return f"{place}: expected {wanted}, got {problem['input']!r}"


def _place(location: tuple[int | str, ...]) -> str:
    """Where it is: counted from 1, without the members of unions."""
    words: list[str] = []
    for part in location:
        if isinstance(part, int):
            words.append(f" {part + 1}")
        elif part.isidentifier():
            words.append(f".{part}")
    return "".join(words).removeprefix(".")
