"""Every figure and table of the paper by name: an item is a file of that name here."""

from collections.abc import Iterable

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.paper.item import Item
from pyro_seatbelt.paper.items import (
    fig1,
    fig3,
    fig4,
    fig5,
    fig6,
    fig7,
    fig8,
    heart,
    kl_collapse,
    l2,
    layers,
    mig,
    small_noise,
    table1,
    traversals,
    w2,
    why,
)

ITEMS: dict[str, Item] = {
    each.ITEM.name: each.ITEM
    for each in (
        *(fig1, fig3, fig4, fig5, fig6, fig7, fig8),
        *(table1, mig, kl_collapse, layers, l2, small_noise, traversals, heart, w2, why),
    )
}
"""The items, in the order of the paper. Figure 2 is a drawing of the model, and needs no run."""


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
