"""Every figure and table of the paper by name."""

from collections.abc import Iterable

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.paper.collapse import COLLAPSE
from pyro_seatbelt.paper.disentanglement import MIG_TABLE
from pyro_seatbelt.paper.distances import DISTANCES
from pyro_seatbelt.paper.elbo import FIG3
from pyro_seatbelt.paper.flat_attacks import FIG5
from pyro_seatbelt.paper.heart import HEART
from pyro_seatbelt.paper.heatmaps import FIG6, FIG7
from pyro_seatbelt.paper.item import Item
from pyro_seatbelt.paper.layers import LAYERS
from pyro_seatbelt.paper.noise import FIG8, SMALL_NOISE
from pyro_seatbelt.paper.panels import FIG1
from pyro_seatbelt.paper.reconstructions import FIG4
from pyro_seatbelt.paper.traversals import TRAVERSALS
from pyro_seatbelt.paper.wasserstein import WASSERSTEIN
from pyro_seatbelt.paper.weights import TABLE1

ITEMS: dict[str, Item] = {
    "fig1": FIG1,
    "fig3": FIG3,
    "fig4": FIG4,
    "fig5": FIG5,
    "fig6": FIG6,
    "fig7": FIG7,
    "fig8": FIG8,
    "table1": TABLE1,
    "mig": MIG_TABLE,
    "kl-collapse": COLLAPSE,
    "layers": LAYERS,
    "l2": DISTANCES,
    "small-noise": SMALL_NOISE,
    "traversals": TRAVERSALS,
    "heart": HEART,
    "w2": WASSERSTEIN,
}
"""Figure 2 is a drawing of the model, and needs no run."""


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
