"""Images that a model draws from its prior."""

from typing import Any

from pyro import poutine
from torch import Tensor

from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.programs import Program


def prior_images(
    model: Program, num_images: int, *context: Tensor, seed: int = 0, site: str = "x"
) -> Tensor:
    """Draws latents from the prior and decodes them.

    Args:
        model: A model that takes ``num_images=`` instead of images.
        num_images: How many.
        context: Further arguments, after the image that is left out: a row for each.
        seed: Seeds the draws; the global generators are left alone.
        site: Name of the site of images.

    Returns:
        Means of the likelihood, shape :math:`(num_images, C, H, W)`.

    Example:
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> prior_images(family.model, 3).shape
        torch.Size([3, 1, 8, 8])
    """
    before = (None, *context) if context else ()
    with evaluation_mode(model, seed=seed):
        trace = poutine.trace(model).get_trace(*before, num_images=num_images)
    node: Any = trace.nodes[site]
    mean: Tensor = node["fn"].mean
    return mean
