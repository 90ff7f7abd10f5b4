"""What a model makes of images, and of nothing."""

from collections.abc import Callable
from typing import Any

from pyro import poutine
from pyro.poutine import Trace
from torch import Tensor

from pyro_seatbelt.traces.at_mean import at_mean
from pyro_seatbelt.traces.modes import evaluation_mode


def reconstruct(
    model: Callable[..., Any], guide: Callable[..., Any], x: Tensor, *, site: str = "x"
) -> Tensor:
    """Reconstructs images through the posterior means of every layer.

    Args:
        model: Any Pyro model that observes images at `site`.
        guide: Its guide.
        x: Pixels in [0, 1], shape :math:`(B, C, H, W)`.
        site: Name of the observed site.

    Returns:
        Means of the likelihood, shape :math:`(B, C, H, W)`.

    Example:
        >>> import torch
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> reconstruct(family.model, family.guide, torch.rand(5, 1, 8, 8)).shape
        torch.Size([5, 1, 8, 8])
    """
    with evaluation_mode(model, guide):
        guide_trace = poutine.trace(at_mean(guide)).get_trace(x)
        model_trace = poutine.trace(poutine.replay(model, trace=guide_trace)).get_trace(x)
    return _mean(model_trace, site)


def prior_images(
    model: Callable[..., Any], num_images: int, *, seed: int = 0, site: str = "x"
) -> Tensor:
    """Draws latents from the prior and decodes them.

    Args:
        model: A model that takes ``num_images=`` instead of images.
        num_images: How many.
        seed: Seeds the draws; the global generators are left alone.
        site: Name of the site of images.

    Returns:
        Means of the likelihood, shape :math:`(num_images, C, H, W)`.
    """
    with evaluation_mode(model, seed=seed):
        trace = poutine.trace(model).get_trace(num_images=num_images)
    return _mean(trace, site)


def _mean(trace: Trace, site: str) -> Tensor:
    fn: Any = trace.nodes[site]["fn"]
    mean: Tensor = fn.mean
    return mean
