"""How a model and a guide are run while an attack looks at them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyro
import torch

from pyro_seatbelt.attacks.folding import folded
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.programs import Program


@contextmanager
def search_mode(model: Program | None, guide: Program) -> Iterator[None]:
    """While open, modules are in eval mode, batch normalisation is folded, and gradients are on.

    Args:
        model: The model, if there is one.
        guide: The guide.
    """
    # with validation a single NaN would raise, and take the whole batch with it
    with (
        evaluation_mode(model, guide),
        folded(model, guide),
        pyro.validation_enabled(False),
        torch.enable_grad(),
    ):
        yield
