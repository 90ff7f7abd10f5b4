"""Every figure and table of the paper by name: an item is a file of that name here."""

from collections.abc import Iterable
from importlib import import_module

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.paper.catalogue import CATALOGUE
from pyro_seatbelt.paper.item import Item

ITEMS: dict[str, Item] = {
    name: import_module(f"{__name__}.{name.replace('-', '_')}").ITEM for name in CATALOGUE
}
"""The items, in the order of the paper."""


def chosen(names: Iterable[str]) -> dict[str, Item]:
    """Looks items up.

    Args:
        names: Their names; `all` stands for every one.

    Returns:
        The items by name, in the order of the paper.

    Raises:
        InputError: If there is no such item, or none is named.

    Example:
        >>> list(chosen(["table1", "fig3"]))
        ['fig3', 'table1']
    """
    wanted = set(names)
    unknown = sorted(wanted - {*ITEMS, "all"})
    if unknown or not wanted:
        got = ", ".join(unknown) or "nothing"
        raise InputError(f"expected figures or tables out of {', '.join(ITEMS)}, all; got {got}")
    return {name: item for name, item in ITEMS.items() if wanted & {name, "all"}}
